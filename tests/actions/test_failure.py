"""Whatever an action raises is told with its place, its kind and what to do."""

import json
import pickle
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from synapse_core.actions.failure import describe_failure
from synapse_core.actions.loading import isolated_modules, load_action
from synapse_core.errors import ParamsError, ResultError, RunCancelledError, StorageError
from synapse_core.model.run import RunFailure
from synapse_core.testing import run_action
from tests.actions.conftest import Write


def fail(folder: Path, body: str, *, more: str = "") -> RunFailure:
    """Run an action of this body, on line 6 of its file, and describe how it fails."""
    lines = [
        more,
        "from synapse_core import action",
        "",
        "@action",
        "def run(size: int = 1) -> object:",
    ]
    source = "\n".join([*lines, *(f"    {line}" for line in body.splitlines()), ""])
    (folder / "actions.py").write_text(source, encoding="utf-8")
    with isolated_modules(folder):
        try:
            run_action(load_action(folder, "actions:run"))
        except BaseException as error:  # noqa: BLE001 - what is raised is the point
            return describe_failure(error, folder)
    raise AssertionError("it did not fail")


@pytest.mark.parametrize(
    ("body", "kind", "message", "hint"),
    [
        ("raise ValueError('bad size')", "ValueError", "bad size", ""),
        ("return {}['x']", "KeyError", "'x'", "Look at the keys"),
        ("return [][1]", "IndexError", "list index out of range", "shorter"),
        ("open('nowhere.txt')", "FileNotFoundError", "nowhere.txt", "working directory of its own"),
        ("import nowhere_x", "ModuleNotFoundError", "nowhere_x", "Add `nowhere_x`"),
        ("import sklearn_x.y, yaml", "ModuleNotFoundError", "sklearn_x", "Add `sklearn_x`"),
        (
            "raise MemoryError",
            "MemoryError",
            "MemoryError was raised without a message.",
            "smaller",
        ),
        ("raise SystemExit(3)", "SystemExit", "The action called sys.exit(3).", "Return a value"),
        ("raise SystemExit", "SystemExit", "The action called sys.exit().", "Return a value"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", "The action was interrupted.", "again"),
        ("assert size > 5", "AssertionError", "This does not hold: assert size > 5", ""),
        ("assert size > 5, 'too small'", "AssertionError", "too small", ""),
        ("raise NotImplementedError", "NotImplementedError", "without a message", "to be written"),
        ("raise PermissionError(13, 'no', '/x')", "PermissionError", "/x", "'/x'"),
        ("raise OSError(28, 'full')", "OSError", "full", "The disk is full"),
        ("raise ConnectionRefusedError(111, 'no')", "ConnectionRefusedError", "no", "service"),
        ("b'\\xff'.decode()", "UnicodeDecodeError", "utf-8", "not UTF-8"),
        ("exec('x = = 1')", "SyntaxError", "invalid syntax", "syntax"),
    ],
)
def test_a_failure_has_kind_message_place_and_advice(
    folder: Path, body: str, kind: str, message: str, hint: str
) -> None:
    failure = fail(folder, body)

    assert failure.type == kind
    assert message in failure.message
    assert hint in failure.hint
    assert failure.code == "action_failed"
    assert failure.where is not None
    assert Path(failure.where.file).name == "actions.py"
    assert (failure.where.line, failure.where.function) == (6, "run")
    assert failure.where.source == body
    assert failure.traceback.startswith("Traceback (most recent call last):")


def test_the_place_is_the_last_line_of_the_plugins_own_code(folder: Path, write: Write) -> None:
    write("deep/helper.py", "import json\n\ndef parse(text):\n    return json.loads(text)\n")

    failure = fail(folder, "from deep.helper import parse\nparse('{')")

    assert failure.type == "JSONDecodeError"
    assert failure.where is not None
    assert failure.where.file == str(folder / "deep" / "helper.py")
    assert (failure.where.line, failure.where.source) == (4, "return json.loads(text)")


def test_a_library_inside_the_folder_is_not_its_own_code(folder: Path, write: Write) -> None:
    write("venv/lib/site-packages/lib_x.py", "def f():\n    raise ValueError('deep')\n")

    place = str(folder / "venv" / "lib" / "site-packages")

    failure = fail(folder, f"import sys\nsys.path.append({place!r})\nimport lib_x\nlib_x.f()")

    assert failure.where is not None
    assert failure.where.source == "lib_x.f()"


def test_the_place_of_an_error_that_a_library_raised_in_place_of_another(folder: Path) -> None:
    failure = fail(
        folder, "from pydantic import TypeAdapter\nTypeAdapter(int).validate_python('x')"
    )

    assert failure.type == "ValidationError"
    assert failure.where is not None
    assert failure.where.line == 7


def test_a_syntax_error_in_a_module_of_the_plugin_is_told_at_its_line(
    folder: Path, write: Write
) -> None:
    write("broken.py", "x = 1\ny = = 2\n")

    failure = fail(folder, "import broken")

    assert failure.type == "SyntaxError"
    assert failure.where is not None
    assert (Path(failure.where.file).name, failure.where.line) == ("broken.py", 2)
    assert failure.where.source == "y = = 2"


def test_an_import_that_fails_is_told_by_its_cause(folder: Path, write: Write) -> None:
    write("actions.py", "import helper\n")
    write("helper.py", "VALUE = 1\nSIZE = VALUE / 0\n")

    with isolated_modules(folder), pytest.raises(Exception) as caught:  # noqa: PT011 - any kind
        load_action(folder, "actions:run")
    failure = describe_failure(caught.value, folder)

    assert (failure.type, failure.code) == ("ActionLoadError", "action_load_failed")
    assert "ZeroDivisionError: division by zero" in failure.message
    assert failure.where is not None
    assert (Path(failure.where.file).name, failure.where.line) == ("helper.py", 2)
    assert "ZeroDivisionError" in failure.traceback


def test_a_group_names_its_members_and_the_place_of_one(folder: Path) -> None:
    body = """errors = []
for n in range(7):
    try:
        raise ValueError(f"no {n}")
    except ValueError as error:
        errors.append(error)
raise ExceptionGroup("several", errors)"""
    failure = fail(folder, body)

    assert failure.type == "ExceptionGroup"
    assert "several (7 sub-exceptions): ValueError: no 0; ValueError: no 1" in failure.message
    assert failure.message.endswith("and 2 more")
    assert failure.where is not None
    assert failure.where.source.startswith("raise ExceptionGroup")


def test_notes_are_part_of_the_message(folder: Path) -> None:
    failure = fail(
        folder, "error = ValueError('bad')\nerror.add_note('in line 3 of the file')\nraise error"
    )

    assert failure.message == "bad\nin line 3 of the file"


def test_code_and_hint_of_our_own_errors_are_kept(folder: Path) -> None:
    for error, code in (
        (RunCancelledError("Stopped.", hint="Nothing to do."), "run_cancelled"),
        (ResultError("Wrong.", hint="Nothing to do."), "invalid_result"),
        (StorageError("Full.", hint="Nothing to do."), "storage_failed"),
    ):
        failure = describe_failure(pickle.loads(pickle.dumps(error)), folder)  # noqa: S301 - made just here
        assert (failure.code, failure.hint) == (code, "Nothing to do.")
        assert failure.where is None


def test_wrong_params_are_told_in_full(folder: Path) -> None:
    (folder / "actions.py").write_text(
        "from synapse_core import action\n@action\ndef run(size: int = 1) -> None: ...\n",
        encoding="utf-8",
    )

    with isolated_modules(folder), pytest.raises(ParamsError) as caught:
        run_action(load_action(folder, "actions:run"), {"size": "x"})
    failure = describe_failure(caught.value, folder)

    assert failure.code == "invalid_params"
    assert failure.message.startswith("1 param does not fit: size. size: should be a valid integer")
    assert failure.hint.endswith('These would do: {"size": 1}')


RUDE = """
class Rude(Exception):
    def __str__(self):
        raise {kind}("no text")

class Odd(Exception):
    __notes__ = 7
"""


@pytest.mark.parametrize("kind", ["ValueError", "SystemExit", "RecursionError"])
def test_an_exception_whose_text_cannot_be_made_is_still_told(folder: Path, kind: str) -> None:
    more = RUDE.format(kind=kind).strip()

    failure = fail(folder, "raise Rude()", more=more)

    assert failure.type == "Rude"
    assert kind in failure.message
    assert failure.where is not None


def test_strange_notes_do_no_harm(folder: Path) -> None:
    assert (
        fail(folder, "raise Odd('x')", more=RUDE.format(kind="ValueError").strip()).message == "x"
    )


def test_an_endless_recursion_is_told_in_bounds(folder: Path) -> None:
    failure = fail(folder, "a(0)", more="def a(n):\n    return b(n)\ndef b(n):\n    return a(n)")

    assert failure.type == "RecursionError"
    assert "a loop" in failure.hint
    assert len(failure.traceback) < 65_000
    assert failure.where is not None


def test_what_is_endlessly_long_is_cut_in_the_middle(folder: Path) -> None:
    failure = fail(folder, "raise ValueError('a' * 10_000_000 + 'the end')")

    assert len(failure.message) < 8_100
    assert failure.message.endswith("the end")
    assert len(failure.traceback) < 64_100
    assert failure.traceback.startswith("Traceback")
    assert "characters left out" in failure.traceback


def test_a_chain_that_bites_its_own_tail_ends(folder: Path) -> None:
    body = "a, b = ValueError('a'), ValueError('b')\na.__cause__, b.__cause__ = b, a\nraise a"

    assert fail(folder, body).message == "a"


def test_a_failure_can_be_written_as_json(folder: Path) -> None:
    failure = fail(folder, "raise ValueError('\\udcff and \\x00')")

    assert "\\udcff" in failure.message
    told: dict[str, Any] = asdict(failure)
    json.dumps(told, ensure_ascii=False).encode()

"""Entrypoints are found, and what is wrong with one is told."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from synapse_core.actions.loading import isolated_modules, load_action
from synapse_core.errors import ActionLoadError, RunCancelledError
from synapse_core.testing import run_action
from tests.actions.conftest import Write

ANSWER = """
from synapse_core import action

@action
def run() -> str:
    return {answer!r}
"""


def load_and_run(folder: Path, entrypoint: str) -> object:
    with isolated_modules(folder):
        return run_action(load_action(folder, entrypoint)).result


def refuse(folder: Path, entrypoint: str) -> ActionLoadError:
    with isolated_modules(folder), pytest.raises(ActionLoadError) as caught:
        load_action(folder, entrypoint)
    return caught.value


@pytest.mark.parametrize("entrypoint", ["shapes.draw:run", "shapes.draw.run", " shapes.draw:run "])
def test_an_entrypoint_is_written_with_a_colon_or_a_dot(
    folder: Path, write: Write, entrypoint: str
) -> None:
    write("shapes/__init__.py")
    write("shapes/draw.py", ANSWER.format(answer="drawn"))

    assert load_and_run(folder, entrypoint) == "drawn"


def test_a_class_inside_a_class_can_be_named(folder: Path, write: Write) -> None:
    write(
        "actions.py",
        """
        from pydantic import BaseModel
        from synapse_core import BaseAction

        class Params(BaseModel):
            pass

        class Group:
            class Inner(BaseAction[Params]):
                def execute(self) -> str:
                    return "inner"
        """,
    )

    assert load_and_run(folder, "actions:Group.Inner") == "inner"


def test_the_folder_may_itself_be_the_package(folder: Path, write: Write) -> None:
    write("config.yaml", "actions: {run: {entrypoint: 'plug.actions:run'}}")
    write("actions.py", "from plug.words import WORD\n" + ANSWER.format(answer="x"))
    write("words.py", "WORD = 1")

    assert load_and_run(folder, "plug.actions:run") == "x"


def test_a_package_without_init_can_be_imported(folder: Path, write: Write) -> None:
    write("space/actions.py", ANSWER.format(answer="namespace"))

    assert load_and_run(folder, "space.actions:run") == "namespace"


def test_names_with_spaces_and_letters_from_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path / "mein schönes Plugin"
    folder.mkdir()
    (folder / "größe.py").write_text(
        "from synapse_core import action\n@action\ndef zähle() -> int:\n    return 3\n",
        encoding="utf-8",
    )

    assert load_and_run(folder, "größe:zähle") == 3


def test_two_plugins_with_the_same_module_names_never_meet(tmp_path: Path) -> None:
    for name in ("one", "two"):
        inner = tmp_path / name / "shared"
        inner.mkdir(parents=True)
        (inner / "__init__.py").touch()
        (inner / "word.py").write_text(f"WORD = {name!r}\n", encoding="utf-8")
        source = "from shared.word import WORD\nfrom synapse_core import action\n"
        source += "@action\ndef run() -> str:\n    import shared.word\n"
        source += "    return WORD + shared.word.WORD\n"
        (tmp_path / name / "actions.py").write_text(source, encoding="utf-8")

    told = [load_and_run(tmp_path / name, "actions:run") for name in ("one", "two", "one")]

    assert told == ["oneone", "twotwo", "oneone"]


def test_nothing_of_a_plugin_stays_behind(folder: Path, write: Write) -> None:
    write("actions.py", "import colorsys\n" + ANSWER.format(answer="x"))
    before = (list(sys.path), list(sys.path_hooks), set(sys.modules))

    load_and_run(folder, "actions:run")

    assert (list(sys.path), list(sys.path_hooks)) == before[:2]
    assert set(sys.modules) - before[2] <= {"colorsys"}


def test_a_module_that_had_the_name_before_is_back_afterwards(folder: Path, write: Write) -> None:
    import tests.actions.conftest as mine  # noqa: PLC0415 - any module that is imported already

    sys.modules["actions"] = mine
    try:
        write("actions.py", ANSWER.format(answer="of the plugin"))

        assert load_and_run(folder, "actions:run") == "of the plugin"
        assert sys.modules["actions"] is mine
    finally:
        del sys.modules["actions"]


def test_a_folder_of_data_hides_no_library(folder: Path, write: Write) -> None:
    write("yaml/data.txt", "x")
    write("actions.py", ANSWER.format(answer="x"))
    import yaml  # noqa: PLC0415 - to compare

    with isolated_modules(folder):
        load_action(folder, "actions:run")
        assert sys.modules["yaml"] is yaml


def test_an_edit_is_seen_also_within_the_same_second_and_with_the_same_size(
    folder: Path, write: Write
) -> None:
    told: list[object] = []
    for answer in ("1", "2", "3"):
        file = write("actions.py", ANSWER.format(answer=answer))
        os.utime(file, (1_800_000_000, 1_800_000_000))
        told.append(load_and_run(folder, "actions:run"))

    assert told == ["1", "2", "3"]


def test_code_that_python_compiled_in_the_second_of_an_edit_is_not_trusted(
    folder: Path, write: Write
) -> None:
    file = write("actions.py", ANSWER.format(answer="1"))
    subprocess.run([sys.executable, "-m", "py_compile", str(file)], check=True)
    stamp = file.stat().st_mtime
    write("actions.py", ANSWER.format(answer="2"))
    os.utime(file, (stamp, stamp))

    assert load_and_run(folder, "actions:run") == "2"


def test_code_of_a_file_that_was_left_alone_is_compiled_once(folder: Path, write: Write) -> None:
    file = write("actions.py", ANSWER.format(answer="1"))
    os.utime(file, (1_600_000_000, 1_600_000_000))

    sys.dont_write_bytecode, before = False, sys.dont_write_bytecode
    try:
        load_and_run(folder, "actions:run")
    finally:
        sys.dont_write_bytecode = before

    (compiled,) = folder.glob("__pycache__/*.pyc")
    stamp = compiled.stat().st_mtime_ns
    assert load_and_run(folder, "actions:run") == "1"
    assert compiled.stat().st_mtime_ns == stamp


def test_the_actions_of_a_plugin_share_its_modules(folder: Path, write: Write) -> None:
    write("counter.py", "loaded = []\n")
    for name in ("a", "b"):
        write(
            f"{name}.py", "import counter\ncounter.loaded.append(1)\n" + ANSWER.format(answer="x")
        )

    with isolated_modules(folder):
        load_action(folder, "a:run")
        load_action(folder, "b:run")
        assert sys.modules["counter"].loaded == [1, 1]


@pytest.mark.parametrize(
    ("entrypoint", "message", "hint"),
    [
        ("drow:run", "There is no module 'drow' in ", "Did you mean 'draw'? Make the file drow.py"),
        ("shapes.dra:run", "no module 'shapes.dra'", "Did you mean 'shapes.draw'?"),
        (
            "draw:rum",
            "The module 'draw' has no 'rum'.",
            "Did you mean 'run'? Actions there: Idle, run.",
        ),
        ("draw:LIMIT", "draw:LIMIT is a value of type int, but no action.", "BaseAction"),
        ("draw:plain", "draw:plain is a function, but no action.", "decorated with @action"),
        ("draw:Plain", "draw:Plain is a class, but no action.", "subclass of BaseAction"),
        ("draw:Idle", "draw:Idle is no action that can be run: Idle has neither", "def execute"),
        ("draw", "does not name an attribute of a module", "module:attribute"),
        ("", "does not name an attribute", "module:attribute"),
        ("draw:", "does not name an attribute", "module:attribute"),
        (":run", "does not name an attribute", "module:attribute"),
        ("../draw:run", "does not name an attribute", "module:attribute"),
        ("draw:run:more", "does not name an attribute", "module:attribute"),
        ("os:getcwd", "os:getcwd is a function, but no action", "@action"),
    ],
)
def test_a_wrong_entrypoint_is_told_with_the_right_one(
    folder: Path, write: Write, entrypoint: str, message: str, hint: str
) -> None:
    write("shapes/__init__.py")
    write("shapes/draw.py")
    write(
        "draw.py",
        """
        from pydantic import BaseModel
        from synapse_core import BaseAction, action

        LIMIT = 3

        class Params(BaseModel): ...
        class Idle(BaseAction[Params]): ...
        class Plain: ...

        def plain(): ...

        @action
        def run(): ...
        """,
    )

    error = refuse(folder, entrypoint)

    assert message in error.message
    assert hint in error.hint


@pytest.mark.parametrize(
    ("source", "message", "hint"),
    [
        ("import numpyy", "at actions.py:2: ModuleNotFoundError: No module", "Add `numpyy`"),
        ("import cv2", "ModuleNotFoundError", "Add `opencv-python` to the plugin's requirements"),
        ("from os import nothing", "ImportError: cannot import name 'nothing'", "os was found"),
        ("1 / 0", "at actions.py:2: ZeroDivisionError: division by zero", "nothing to divide by"),
        ("raise SystemExit(3)", "at actions.py:2: it exits with 3 while", "__main__"),
        ("x = = 1", "at actions.py:2: SyntaxError", "Correct the syntax"),
        ("import helper", "at helper.py:1: NameError: name 'nowhere'", "before it is defined"),
        ("def f(): return f()\nf()", "RecursionError", "calls itself"),
        ("import actions.more", "'actions' is not a package", ""),
    ],
)
def test_a_module_that_cannot_be_imported_is_told_with_its_line(
    folder: Path, write: Write, source: str, message: str, hint: str
) -> None:
    write("helper.py", "nowhere\n")
    write("actions.py", f"\n{source}\n")

    error = refuse(folder, "actions:run")

    assert message in error.message
    assert hint in error.hint
    assert error.__cause__ is not None


def test_a_module_with_the_name_of_one_of_pythons_own_is_refused(
    folder: Path, write: Write
) -> None:
    write("types.py", ANSWER.format(answer="x"))

    error = refuse(folder, "types:run")

    assert "'types' of the plugin has the name of one that Python or Synapse uses" in error.message
    assert "my_types" in error.hint


def test_a_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    error = refuse(tmp_path / "gone", "actions:run")

    assert f"There is no folder {tmp_path / 'gone'}" in error.message


def test_plugins_without_init_files_do_not_meet_either(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "space").mkdir(parents=True)
        source = ANSWER.format(answer=name)
        (tmp_path / name / "space" / "actions.py").write_text(source, encoding="utf-8")

    with isolated_modules(tmp_path):
        told = [
            run_action(load_action(tmp_path / name, "space.actions:run")).result
            for name in ("one", "two")
        ]

    assert told == ["one", "two"]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, RunCancelledError])
def test_a_request_to_stop_while_it_is_imported_is_not_taken_for_a_fault(
    folder: Path, write: Write, kind: type[BaseException]
) -> None:
    source = f"from synapse_core.errors import RunCancelledError\nraise {kind.__name__}('stop')"
    write("actions.py", source)

    with isolated_modules(folder), pytest.raises(kind):
        load_action(folder, "actions:run")

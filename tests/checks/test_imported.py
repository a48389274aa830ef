"""What importing a plugin tells, beyond the corpus: time, and what the worker goes through."""

import json
from pathlib import Path

from synapse_core.checks.imported import check_imported
from synapse_core.checks.subject import CheckedAction
from synapse_core.model.plugin import ActionSpec, Diagnostic, Severity
from synapse_core.workspace import Workspace

ACTION = "from synapse_core import action\n\n\n@action()\ndef run() -> int:\n    return 1\n"


def declared(name: str, module: str) -> CheckedAction:
    return CheckedAction(
        spec=ActionSpec(name=name, entrypoint=f"{module}:run"), is_declared=True, line=3, column=5
    )


def check(
    workspace: Workspace, folder: Path, timeout_s: float = 30, slow_s: float = 30, **modules: str
) -> list[Diagnostic]:
    """Import modules, each with an action of its name, and return what was found."""
    for name, source in modules.items():
        (folder / f"{name}.py").write_text(source + ACTION, encoding="utf-8")
    actions = [declared(name, name) for name in modules]
    return check_imported(workspace.inspector, folder, actions, timeout_s=timeout_s, slow_s=slow_s)


def test_an_import_that_does_not_end_is_given_up(workspace: Workspace, folder: Path) -> None:
    (found,) = check(workspace, folder, timeout_s=1, endless="while True:\n    pass\n")

    assert (found.code, found.severity) == ("import-timeout", Severity.ERROR)
    assert (found.file, found.line) == ("config.yaml", 3)
    assert "1 s" in found.message


def test_an_import_that_takes_its_time_is_told(workspace: Workspace, folder: Path) -> None:
    (found,) = check(workspace, folder, slow_s=0.2, slow="import time\ntime.sleep(0.3)\n")

    assert (found.code, found.severity) == ("import-slow", Severity.WARNING)


def test_nothing_to_import_asks_for_no_process(workspace: Workspace, folder: Path) -> None:
    assert check(workspace, folder) == []


def test_prints_and_descriptors_do_no_harm(workspace: Workspace, folder: Path) -> None:
    loud = "import os, sys\nprint('{}')\nos.write(1, b'{}\\n')\nsys.stdout.close()\nos.close(1)\n"

    assert check(workspace, folder, loud=loud) == []


def test_one_module_that_crashes_hides_nothing_of_the_others(
    workspace: Workspace, folder: Path
) -> None:
    found = check(
        workspace,
        folder,
        crashing="import os\nos._exit(7)\n",
        raising="1 / 0\n",
        fine="",
    )

    assert [(one.code, one.file, one.line) for one in found] == [
        ("import-crash", "config.yaml", 3),
        ("import-fails", "raising.py", 1),
    ]
    assert "exit status 7" in found[0].message
    assert "ZeroDivisionError" in found[1].message


def test_an_import_sees_no_variables_but_the_allowed_ones(
    workspace: Workspace, folder: Path
) -> None:
    shown = "import json, os\nraise RuntimeError(json.dumps(sorted(os.environ)))\n"

    (found,) = check(workspace, folder, spying=shown)

    names = json.loads(found.message[found.message.index("[") : found.message.rindex("]") + 1])
    assert "PATH" in names
    assert not [name for name in names if name.startswith("PYTEST")]

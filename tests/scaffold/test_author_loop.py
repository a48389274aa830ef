"""What is scaffolded is valid, tested, runs at once, and is written as we write ourselves."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from synapse_core.model.plugin import PluginCategory
from synapse_core.model.run import RunStatus
from synapse_core.operations.checking import check_plugin
from synapse_core.operations.plugins import describe_action, find_plugin
from synapse_core.operations.runs import StartRun, start_run, wait_run
from synapse_core.operations.scaffolding import (
    ActionForm,
    AddAction,
    CreatePlugin,
    add_action,
    create_plugin,
)
from synapse_core.operations.testing import test_plugin as run_tests_of
from synapse_core.workspace import Workspace, open_workspace

pytestmark = pytest.mark.timeout(120)

CATEGORIES = list(PluginCategory)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    place = tmp_path_factory.mktemp("author")
    root = place / "mein Ördner 📁"
    root.mkdir()
    with open_workspace(place / "home", [root]) as opened:
        yield opened


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_new_plugin_is_valid_tested_and_runs(
    workspace: Workspace, category: PluginCategory
) -> None:
    made = create_plugin(workspace, CreatePlugin(code=f"my_{category}", category=category))

    report = check_plugin(workspace, made.path)
    tests = run_tests_of(workspace, made.path)
    action = describe_action(workspace, find_plugin(workspace, str(made.path)), made.action)
    run = start_run(
        workspace,
        StartRun(plugin=made.plugin, action=made.action, params=action.schema.example),
    )
    ended = wait_run(workspace, run.id, timeout_s=60)

    assert report.diagnostics == ()
    assert tests.ok, tests.output
    assert ended.status is RunStatus.SUCCEEDED, ended.failure


@pytest.mark.parametrize("form", ActionForm)
def test_an_added_action_is_valid_tested_and_runs(workspace: Workspace, form: ActionForm) -> None:
    made = create_plugin(workspace, CreatePlugin(code=f"grown_{form}"))

    added = add_action(workspace, AddAction(plugin=made.plugin, action="second", form=form))

    assert check_plugin(workspace, made.path).diagnostics == ()
    assert run_tests_of(workspace, made.path).ok
    action = describe_action(workspace, find_plugin(workspace, made.plugin), added.action)
    run = start_run(
        workspace,
        StartRun(plugin=made.plugin, action=added.action, params=action.schema.example),
    )
    assert wait_run(workspace, run.id, timeout_s=60).status is RunStatus.SUCCEEDED


def test_what_is_rendered_passes_our_own_checkers(tmp_path: Path) -> None:
    """All of them at once: a type checker takes its time to start."""
    with open_workspace(tmp_path / "home", [tmp_path]) as workspace:
        for category in CATEGORIES:
            made = create_plugin(workspace, CreatePlugin(code=f"my_{category}", category=category))
            for form in ActionForm:
                action = f"as_{form}"
                add_action(workspace, AddAction(plugin=str(made.path), action=action, form=form))
    bin_dir = Path(sys.executable).parent
    folders = [str(tmp_path / f"my_{category}") for category in CATEGORIES]
    # The configuration of each plugin is a pyproject.toml of its own, as its author has it.
    ruff = [bin_dir / "ruff", "check", "--no-cache", "--line-length", "100", *folders]
    style = [bin_dir / "ruff", "format", "--no-cache", "--check", "--line-length", "100", *folders]
    roots = ", ".join(f'{{"root": "my_{category}"}}' for category in CATEGORIES)
    (tmp_path / "pyrightconfig.json").write_text(
        f'{{"typeCheckingMode": "strict", "executionEnvironments": [{roots}]}}', encoding="utf-8"
    )
    types = [bin_dir / "pyright", "--pythonpath", sys.executable, "-p", str(tmp_path)]

    for command in (ruff, style, types):
        done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

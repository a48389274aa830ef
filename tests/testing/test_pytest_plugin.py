"""The fixtures that a plugin's tests get, and what loading them costs."""

import json
import subprocess
import sys
from pathlib import Path

TESTS = """
import pytest
from synapse_core import action

@action
def save(ctx, size: int = 1) -> int:
    ctx.save_artifact(b"x" * size, "data.bin")
    return size

def test_run(run_action, tmp_path):
    done = run_action(save, {"size": 2})
    assert done.result == 2
    assert done.artifacts[0].path.is_relative_to(tmp_path)

def test_context(synapse_context, synapse_sink):
    assert save(synapse_context) == 1
    synapse_context.log_message("hello")
    assert [event.kind for event in synapse_sink.events] == ["artifact", "message"]
"""


def run_pytest(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "/dev/null"]
    return subprocess.run(
        [*command, "--rootdir", str(folder), *args],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        timeout=50,
    )


def test_a_plugins_tests_get_fixtures_without_asking(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(TESTS, encoding="utf-8")

    done = run_pytest(tmp_path, "-W", "error")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_a_pytest_that_needs_nothing_of_it_loads_nothing_of_it(tmp_path: Path) -> None:
    source = """
import json, sys

def test_loaded():
    with open("loaded.json", "w") as file:
        json.dump([name for name in sys.modules], file)
"""
    (tmp_path / "test_it.py").write_text(source, encoding="utf-8")

    done = run_pytest(tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    loaded = set(json.loads((tmp_path / "loaded.json").read_text(encoding="utf-8")))
    assert "pydantic" not in loaded
    assert {name for name in loaded if name.startswith("synapse_")} == {
        "synapse_core",
        "synapse_core.testing",
        "synapse_core.testing.pytest_plugin",
        "synapse_core.version",
    }

"""`synapse demo` keeps its promises, and says so when it cannot."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

pytestmark = pytest.mark.timeout(120)


def run_demo(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the demo in a pipe, with its own folder and a home that it must not touch."""
    return subprocess.run(
        [sys.executable, "-m", "synapse_mcp.cli", "demo", "--folder", folder],
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "SYNAPSE_HOME": str(folder / "untouched"), "PYTHONIOENCODING": "utf-8"},
        timeout=110,
    )


def test_the_demo_shows_the_whole_way_in_a_pipe(tmp_path: Path) -> None:
    done = run_demo(tmp_path)

    assert done.returncode == 0, done.stdout
    assert "\x1b" not in done.stdout
    for tool in ("plugin_scaffold", "plugin_check", "plugin_describe", "run_start", "run_status"):
        assert f"→ {tool}" in done.stdout
    assert "18 of 18 pictures" in done.stdout
    assert "FileNotFoundError" in done.stdout
    found = re.search(r"Look at the report:\s+(file://\S+)", done.stdout)
    assert found
    report = Path(unquote(urlsplit(found[1]).path))
    assert "pictures deserve a look" in report.read_text(encoding="utf-8")
    data = json.loads(report.with_name("report.json").read_text(encoding="utf-8"))
    assert len(data["images"]) == 18
    assert not (tmp_path / "untouched").exists()


def test_a_step_that_cannot_go_on_fails_the_demo(tmp_path: Path) -> None:
    """A file where the new plugin should go: the server refuses to write over it."""
    taken = tmp_path / "plugins" / "first_steps" / "config.yaml"
    taken.parent.mkdir(parents=True)
    taken.write_text("mine", encoding="utf-8")

    done = run_demo(tmp_path)

    assert done.returncode == 1, done.stdout
    assert "Step 2 did not go as promised" in done.stdout
    assert taken.read_text(encoding="utf-8") == "mine"

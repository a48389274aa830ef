"""An installation that lacks something says in a sentence what to install."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.ray.counting import make_counting_plugin
from tests.ray.installation import without

_CONFIG = """
environment: lab
environments:
  lab:
    clusters:
      client: {address: "ray://127.0.0.1:9"}
"""


@pytest.mark.parametrize(
    ("package", "on", "told"),
    [
        ("ray", "actor", "pip install 'synapse-mcp[ray]'"),
        ("grpc", "client", "pip install 'ray[client]'"),
        ("grpc", "actor@ray://127.0.0.1:9", "pip install 'ray[client]'"),
    ],
)
def test_a_run_is_refused_with_what_to_install(
    tmp_path: Path, package: str, on: str, told: str
) -> None:
    python = without(tmp_path / "venv", package)
    plugin = make_counting_plugin(tmp_path / "plugins" / "chaos")
    home = tmp_path / "home"
    home.mkdir()
    (home / "config.yaml").write_text(_CONFIG, encoding="utf-8")

    done = subprocess.run(
        [python, "-m", "synapse_mcp.cli", "run", "start", plugin, "count", "--on", on],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "SYNAPSE_HOME": str(home)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 1, done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    shutil.rmtree(tmp_path / "venv")

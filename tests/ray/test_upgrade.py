"""After an upgrade of Synapse, its former code is not executed for longer than runs need it."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from textwrap import dedent

import pytest

import synapse_core
import synapse_mcp
from synapse_core.config.home import Home
from synapse_core.executors.ray.cluster.places import ClusterPlace
from synapse_core.executors.ray.cluster.record import read_live_record
from synapse_core.executors.ray.driver.door import DriverDoor
from synapse_core.types import JSONObject
from tests.ray.installation import site_packages, without

pytestmark = pytest.mark.timeout(120)


class Installation:
    """A copy of Synapse that can be upgraded, and a home that knows a cluster of somebody else."""

    def __init__(self, root: Path, cluster: DriverDoor) -> None:
        self._python = without(root / "venv")
        self._packages = site_packages(root / "venv")
        for package in (synapse_core, synapse_mcp):
            source = Path(str(package.__file__)).parent
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, self._packages / source.name, ignore=ignored)
        self.home = root / "home"
        self.home.mkdir()
        (self.home / "config.yaml").write_text(_CONFIG % cluster.up()["address"], encoding="utf-8")
        self._variables = {
            "PATH": os.environ["PATH"],
            "HOME": str(root),
            "SYNAPSE_HOME": str(self.home),
            "LAB_TOKEN": cluster.token(),
        }

    def upgrade(self) -> None:
        """Change the installed code."""
        module = self._packages / "synapse_core" / "version.py"
        module.write_text(module.read_text(encoding="utf-8") + "\n", encoding="utf-8")

    def say(self, *words: str | Path) -> JSONObject:
        """Return what the program answers."""
        done = subprocess.run(
            [self._python, "-m", "synapse_mcp.cli", *words, "--json"],
            env=self._variables,
            cwd=self.home,  # Python looks for modules where it is started, too
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


_CONFIG = """
environment: lab
environments:
  lab: {clusters: {lab: {address: "%s", token_variable: LAB_TOKEN}}}
"""

_PLUGIN = """
    name: Small
    code: small
    actions:
      wait: {entrypoint: "small_actions:wait", resources: &none {cpus: 0}}
      echo: {entrypoint: "small_actions:echo", resources: *none}
"""

_ACTIONS = """
    import time

    from synapse_core import action


    @action
    def wait(ctx) -> None:
        time.sleep(60)


    @action
    def echo(ctx, text: str) -> str:
        return text
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """One that needs no room: the cluster may be full of what another home keeps warm."""
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "config.yaml").write_text(dedent(_PLUGIN), encoding="utf-8")
    (folder / "small_actions.py").write_text(dedent(_ACTIONS), encoding="utf-8")
    return folder


@pytest.fixture
def installation(tmp_path: Path, door: DriverDoor) -> Installation:
    return Installation(tmp_path, door)


def driver_of(home: Path) -> str:
    record = read_live_record(ClusterPlace(Home(home), "lab").record)
    assert record is not None
    return record.worker


def test_a_driver_is_replaced_once_nothing_is_active_on_it(
    installation: Installation, plugin: Path
) -> None:
    say, echo = installation.say, ("run", "start", plugin, "echo", "--on", "lab", "--wait")
    waiting = say("run", "start", plugin, "wait", "--on", "lab")
    first = driver_of(installation.home)
    assert say("ray", "status", "lab")["is_outdated"] is False

    installation.upgrade()

    assert say("ray", "status", "lab")["is_outdated"] is True
    say(*echo, "-p", "text=a")
    assert driver_of(installation.home) == first  # the run that waits needs it

    say("run", "cancel", str(waiting["id"]), "--force")
    say(*echo, "-p", "text=b")
    assert driver_of(installation.home) != first
    assert say("ray", "status", "lab")["is_outdated"] is False
    say("ray", "down", "lab")

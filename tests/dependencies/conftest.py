"""What the tests of plugins' libraries share: a place of their own, and installers offline."""

import os
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from synapse_core.dependencies.building import provide
from synapse_core.dependencies.session import Watcher
from synapse_core.dependencies.variables import installer_variables
from synapse_core.dependencies.venv import Venv
from synapse_core.dependencies.venvs import Venvs
from tests.dependencies.wheels import make_wheel

OFFLINE = {
    **installer_variables(os.environ),
    "UV_NO_CONFIG": "1",
    "UV_OFFLINE": "1",
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_NO_INDEX": "1",
    "PIP_FIND_LINKS": "",
}
"""No test may depend on an index, or on how whoever runs it has configured one."""


@dataclass
class Bench:
    """Plugins, the environments they get, and what was said while those were made."""

    folder: Path
    said: list[str] = field(default_factory=list[str])
    stages: list[int] = field(default_factory=list[int])

    @property
    def venvs(self) -> Venvs:
        return Venvs(self.folder / "cache")

    def plugin(self, name: str, requirements: str = "", *, manager: str = "") -> Path:
        """Write a plugin that asks for something, and return its folder."""
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        if requirements:
            (folder / "requirements.txt").write_text(requirements, encoding="utf-8")
        if manager:
            text = f"code: {name}\npackage_manager: {manager}\n"
            (folder / "config.yaml").write_text(text, encoding="utf-8")
        return folder

    def wheel(self, name: str, version: str, **more: str) -> None:
        """Put a wheel where `--find-links ../links` finds it."""
        make_wheel(self.folder / "links", name, version, **more)

    def provide(self, plugin: Path) -> Venv | None:
        return provide(self.venvs, plugin, OFFLINE, self.watcher())

    def watcher(self, *, is_stopped: bool = False) -> Watcher:
        never = threading.Event()

        def pause(pause_s: float) -> bool:
            never.wait(min(pause_s, 0.02))
            return is_stopped

        return Watcher(self.said.append, lambda done, _all: self.stages.append(done), pause)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "some ü place")

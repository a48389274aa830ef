"""A workspace with the plugin whose pipeline is disturbed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from synapse_core.workspace import Workspace, open_workspace
from tests.faults.marked import make_plugin


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    return make_plugin(tmp_path / "plugins" / "marks")


@pytest.fixture
def workspace(tmp_path: Path, plugin: Path) -> Iterator[Workspace]:
    with open_workspace(tmp_path / "home", [plugin.parent]) as opened:
        yield opened

"""A workspace for all checks of a module: zygote and caches are shared, as they are in use."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from synapse_core.workspace import Workspace, open_workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    place = tmp_path_factory.mktemp("checks")
    plugins = place / "plugins ö"
    plugins.mkdir()
    with open_workspace(place / "home", [plugins]) as opened:
        yield opened


@pytest.fixture
def folder(workspace: Workspace) -> Path:
    """A new folder below the root, with a space in its name."""
    return Path(tempfile.mkdtemp(prefix="case ", dir=workspace.roots[0]))

"""A home, and a real service that has its runs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from synapse_core.clients.sync_session import Session
from synapse_core.runs.away import away_session
from synapse_core.testing.service import RUN_TOKEN, serving
from synapse_core.workspace import Workspace, open_workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with open_workspace(tmp_path / "home", (), environ={}) as workspace:
        yield workspace


@pytest.fixture
def url(workspace: Workspace) -> Iterator[str]:
    with serving(workspace) as url:
        yield url


@pytest.fixture
def session(url: str) -> Iterator[Session]:
    with away_session(url, RUN_TOKEN) as session:
        yield session

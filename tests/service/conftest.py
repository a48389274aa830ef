"""A service whose limits are small enough to be met, and a client of it that may do all."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from synapse_core.service.limits import Limits
from synapse_core.testing.service import ADMIN_TOKEN, serving
from synapse_core.workspace import Workspace, open_workspace
from tests.service.asking import as_


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with open_workspace(tmp_path, (), environ={}) as workspace:
        yield workspace


@pytest.fixture
def url(workspace: Workspace) -> Iterator[str]:
    limits = Limits(max_body_bytes=100_000, wrong_tokens_burst=5, heartbeat_s=0.1)
    with serving(workspace, limits=limits) as url:
        yield url


@pytest.fixture
def client(url: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=url, headers=as_(ADMIN_TOKEN)) as client:
        yield client

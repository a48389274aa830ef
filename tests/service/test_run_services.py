"""The contract of `RunService`: of the service itself, and of it over HTTP."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from synapse_core.clients.sync_session import Session
from synapse_core.errors import StoreUnavailableError
from synapse_core.runs.http import RemoteRuns
from synapse_core.service.own_runs import OwnRuns
from synapse_core.testing.contracts.run_service import Far, RunServiceContract
from synapse_core.testing.service import ADMIN_TOKEN, serving
from synapse_core.workspace import Workspace, open_workspace


@pytest.fixture
def workspace(tmp_path: Path, plugins: Path) -> Iterator[Workspace]:
    with open_workspace(tmp_path / "far", (plugins,), environ={}) as workspace:
        yield workspace


class TestOwnRuns(RunServiceContract):
    @pytest.fixture
    def far(self, workspace: Workspace) -> Far:
        return Far(OwnRuns(workspace), workspace)


class TestRemoteRuns(RunServiceContract):
    @pytest.fixture
    def far(self, workspace: Workspace) -> Iterator[Far]:
        with serving(workspace) as url, Session(url, ADMIN_TOKEN) as session:
            yield Far(RemoteRuns(session), workspace)


def test_a_service_that_is_not_there_is_told() -> None:
    with Session("http://127.0.0.1:9", "t" * 16, patience_s=0) as session:
        service = RemoteRuns(session)
        for call in (
            lambda: service.start({"plugin": "p", "action": "a"}),
            lambda: service.delete(["x"], dry_run=True),
            lambda: service.progress("x"),
        ):
            with pytest.raises(StoreUnavailableError, match="cannot be reached"):
                call()

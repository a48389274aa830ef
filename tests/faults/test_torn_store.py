"""Whichever connections to PostgreSQL are ended by force: no run is lost, and none runs twice."""

import random
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from synapse_core.config.home import Home
from synapse_core.model.run import Run, RunStatus
from synapse_core.operations.pipelines.verbs import StartPipeline, resume_pipeline, start_pipeline
from synapse_core.operations.runs import cancel_run, wait_run
from synapse_core.operations.stores import choose_store
from synapse_core.workspace import Workspace, open_workspace
from tests.faults.marked import PATIENCE_S, check_whole, count_executions, list_made, seeds
from tests.postgres import PostgresServer, connect, postgres_server, postgres_url

__all__ = ["postgres_server", "postgres_url"]

pytestmark = pytest.mark.xdist_group("postgres")

_END_ONE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'
ORDER BY random() LIMIT 1
"""


@pytest.fixture
def workspace(tmp_path: Path, plugin: Path, postgres_url: str) -> Iterator[Workspace]:
    home = Home(tmp_path / "home")
    home.ensure()
    choose_store(home, postgres_url, {})
    with open_workspace(home.root, [plugin.parent]) as opened:
        yield opened


@contextmanager
def torn(server: PostgresServer, chance: random.Random) -> Generator[list[bool]]:
    """End connections to the server by force, some a second; gives what came of it."""
    is_over = threading.Event()
    ended: list[bool] = []

    def tear(connection: psycopg.Connection[tuple[object, ...]]) -> None:
        while not is_over.wait(chance.uniform(0.01, 0.2)):
            ended.extend(bool(row[0]) for row in connection.execute(_END_ONE))

    with connect(server.url) as connection:
        thread = threading.Thread(target=tear, args=(connection,), name="tearer")
        thread.start()
        try:
            yield ended
        finally:
            is_over.set()
            thread.join()


@pytest.mark.parametrize("seed", seeds(2, of_each=2))
def test_a_pipeline_runs_while_connections_to_its_store_are_ended(
    workspace: Workspace, postgres_server: PostgresServer, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - chance, no secret
    with torn(postgres_server, random.Random(seed)) as ended:  # noqa: S311 - chance, no secret
        first = start_pipeline(workspace, StartPipeline(plugin="marks", pipeline="marked"))
        wait_run(workspace, first.id, timeout_s=chance.uniform(0.1, 0.8))
        cancel_run(workspace, first.id, wait_s=PATIENCE_S)
        for node in list_made(workspace, first.id):
            wait_run(workspace, node.id, timeout_s=PATIENCE_S)
        second = resume_pipeline(workspace, first.id)
        whole = wait_run(workspace, second.id, timeout_s=PATIENCE_S)

    assert True in ended
    assert whole.status is RunStatus.SUCCEEDED
    check_whole(workspace, second.id)
    done = with_status(workspace, first, RunStatus.SUCCEEDED)
    assert done == with_status(workspace, second, RunStatus.SKIPPED)
    counts = count_executions(workspace, second.id)
    assert all(counts[key] == 1 for key in done)
    # One that was cancelled may have been through already, but for its result.
    assert max(counts.values()) <= 2


def with_status(workspace: Workspace, run: Run, status: RunStatus) -> set[str]:
    """Return the nodes of a run that stand so."""
    return {node.node for node in list_made(workspace, run.id) if node.status is status}

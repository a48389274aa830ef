"""A service that is killed while pipelines run and are followed: nothing of them is lost."""

import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise

import pytest

from synapse_core.clients.sync_service import PipelineServiceClient
from synapse_core.model.pipeline_progress import PipelineProgress
from synapse_core.model.run import RunFilter, RunStatus
from synapse_core.workspace import Workspace
from tests.faults.marked import PATIENCE_S, check_whole, count_executions, seeds

TOKEN = "t" * 20
_KILLS = 2


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def serve(workspace: Workspace, port: int) -> subprocess.Popen[str]:
    """Start a service, and return it when it takes calls."""
    words = [sys.executable, "-m", "synapse_mcp.cli", "serve", "--port", str(port)]
    environ = {"SYNAPSE_HOME": str(workspace.home.root), "SYNAPSE_SERVICE_TOKEN": TOKEN}
    root = workspace.home.root.parent / "plugins"
    server = subprocess.Popen(
        [*words, "--root", str(root)], stderr=subprocess.PIPE, text=True, env=environ, cwd=root
    )
    assert server.stderr is not None
    assert "Serving" in server.stderr.readline()
    return server


def end(server: subprocess.Popen[str]) -> None:
    """Kill a service."""
    server.send_signal(signal.SIGKILL)
    server.communicate()


@contextmanager
def dying(workspace: Workspace, port: int, chance: random.Random) -> Generator[list[int]]:
    """Serve the workspace, and kill the service now and then; gives the ids of the killed."""
    is_over = threading.Event()
    killed: list[int] = []
    server = serve(workspace, port)

    def kill() -> None:
        nonlocal server
        while len(killed) < _KILLS and not is_over.wait(chance.uniform(0.05, 0.8)):
            killed.append(server.pid)
            end(server)
            server = serve(workspace, port)

    killer = threading.Thread(target=kill, name="killer")
    killer.start()
    try:
        yield killed
    finally:
        is_over.set()
        killer.join()
        end(server)


@pytest.mark.parametrize("seed", seeds(2, of_each=2))
def test_pipelines_are_started_and_followed_while_the_service_dies(
    workspace: Workspace, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - chance, no secret
    port = free_port()
    with (
        dying(workspace, port, chance) as killed,
        PipelineServiceClient(f"http://127.0.0.1:{port}", TOKEN, patience_s=PATIENCE_S) as client,
        ThreadPoolExecutor() as threads,
    ):

        def play(key: str) -> tuple[str, list[PipelineProgress], list[int]]:
            run = client.start_pipeline("marks", "marked", {"pause": 0.2}, idempotency_key=key)
            heard = threads.submit(lambda: [event.seq for event, _ in client.stream_events(run.id)])
            told = list(client.stream_progress(run.id))
            return run.id, told, heard.result(PATIENCE_S)

        playing = [threads.submit(play, f"{seed}-{number}") for number in range(2)]
        played = [one.result(PATIENCE_S) for one in playing]

    assert killed
    runs = workspace.runs.list(RunFilter()).items
    assert {one.id for one in runs} == {run_id for run_id, _, _ in played}
    for run_id, told, heard in played:
        assert told[-1].status is RunStatus.SUCCEEDED
        assert all(one != other for one, other in pairwise(told))
        written = workspace.journals.read(run_id, limit=100_000).items
        assert heard == [event.seq for event in written]
        check_whole(workspace, run_id)
        assert set(count_executions(workspace, run_id).values()) == {1}

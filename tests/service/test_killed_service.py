"""A service that is killed again and again loses nothing and doubles nothing."""

import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from synapse_core.clients.sync_service import PipelineServiceClient
from synapse_core.clients.sync_session import Session
from synapse_core.config.home import Home
from synapse_core.model.event import EventKind
from synapse_core.model.run import Outcome, RunStatus
from synapse_core.runs.http import HttpReceiver, HttpRunStore
from synapse_core.runs.reading import Journals
from synapse_core.runs.shipped_journal import Leftover, ShippedJournal
from synapse_core.testing.contracts.runs import a_run

RUN = "20260101-000000-00000001"
TOKEN = "t" * 20
SEEDS = [int(seed) for seed in os.environ.get("SYNAPSE_TEST_SEEDS", "1").split(",")]
KILLS, EVENTS_BETWEEN = 4, 300


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def served(home: Home, port: int) -> Generator[subprocess.Popen[str]]:
    words = [sys.executable, "-m", "synapse_mcp.cli", "serve", "--port", str(port)]
    environ = {"SYNAPSE_HOME": str(home.root), "SYNAPSE_SERVICE_TOKEN": TOKEN}
    with subprocess.Popen(
        words, stderr=subprocess.PIPE, text=True, env=environ, cwd=home.root
    ) as server:
        assert server.stderr is not None
        assert "Serving" in server.stderr.readline()
        try:
            yield server
        finally:
            server.kill()


@pytest.mark.parametrize("seed", SEEDS)
def test_events_and_followers_survive_every_kill(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - it has to be the same again for the same seed
    far, near, port = Home(tmp_path / "far"), Home(tmp_path / "near"), free_port()
    far.ensure()
    url = f"http://127.0.0.1:{port}"
    session = Session(url, TOKEN, patience_s=30)
    store = HttpRunStore(session)
    followed: list[int] = []

    def follow() -> None:
        with PipelineServiceClient(url, TOKEN, patience_s=30) as client:
            followed.extend(event.seq for event, _ in client.stream_events(RUN))

    follower = threading.Thread(target=follow)
    where = Leftover(RUN, "me", url, "elsewhere:1:1")
    sending = Session(url, TOKEN, patience_s=0)
    receiver = HttpReceiver(sending, RUN, "me")
    journal: ShippedJournal | None = None
    for kill in range(KILLS):
        with served(far, port) as server:
            if kill == 0:
                store.create(a_run(id=RUN, executor="elsewhere"))
                store.claim(RUN, owner="me", lease_s=600)
                follower.start()
            journal = journal or ShippedJournal(near, where, receiver)
            stop_at = chance.randrange(EVENTS_BETWEEN)
            for number in range(EVENTS_BETWEEN):
                journal.emit(EventKind.LOG, {"level": "info", "message": f"{kill}.{number}"})
                if number == stop_at:
                    journal.flush(chance.random() / 10)
            server.send_signal(signal.SIGKILL)
    assert journal is not None
    with served(far, port):
        journal.emit(EventKind.STATUS, {"status": "succeeded", "attempt": 1})
        assert journal.flush(30)
        store.finish(RUN, Outcome(RunStatus.SUCCEEDED), owner="me")
        follower.join(30)
        assert store.get(RUN).status is RunStatus.SUCCEEDED
    journal.close()
    sending.close()
    session.close()

    expected = list(range(1, KILLS * EVENTS_BETWEEN + 2))
    assert followed == expected
    assert [event.seq for event in Journals(far).read(RUN, limit=10_000).items] == expected
    assert far.journal(RUN).read_bytes() == near.journal(RUN).read_bytes()

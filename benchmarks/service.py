"""What the run service bears: events taken in, followers, calls.

    .venv/bin/python benchmarks/service.py [--quick] [--folder PATH]

Service, sender and followers are processes of their own on this machine and share its cores.
Prints one JSON object: events a second from the first byte sent to the acknowledgement of the last;
ms from the write of an event in a worker until a follower has received it, while 100 follow, and
while 1,000 do with one among them who never reads; ms of a call. `cpu_us` is the CPU time that the
service spent on one event, on which other work of the machine does not tell. Budgets: 20,000 events
a second; p99 of 100 ms with 100 followers.
"""

import argparse
import asyncio
import json
import multiprocessing
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import psutil

from synapse_core.clients.sync_session import Session
from synapse_core.config.home import Home
from synapse_core.model.event import EventKind
from synapse_core.runs.http import HttpReceiver, HttpRunStore
from synapse_core.runs.journal import JournalWriter
from synapse_core.runs.shipping import Shipper
from synapse_core.testing.contracts.runs import ALL, a_run
from synapse_core.types import JSONObject

RUNS = {name: f"20260102-000000-0000000{number}" for number, name in enumerate("abc", 1)}
BUDGETS = {"events_per_s": 20_000, "follow_100_p99_ms": 100.0}
LINE: JSONObject = {
    "level": "info",
    "message": "epoch 3, batch 1250 of 10000: loss 0.4832, accuracy 0.8714",
    "source": "stdout",
}
PAUSE_S = 0.01


def main() -> int:
    """Measure, print, and tell by the exit code whether the budgets are kept."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--folder", type=Path, help="where the runs are kept meanwhile")
    given = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        far, near = Home(Path(folder) / "far"), Home(Path(folder) / "near")
        far.ensure()
        near.ensure()
        with served(far) as (url, token, server):
            session = Session(url, token)
            figures = {
                **measure_calls(session, 50 if given.quick else 300),
                **measure_ingestion(session, near, server, 50_000 if given.quick else 300_000),
                **measure_following(
                    session, far, server, RUNS["b"], 100, 100 if given.quick else 500
                ),
                **measure_following(
                    session, far, server, RUNS["c"], 1000, 20 if given.quick else 100
                ),
            }
            session.close()
    within = {
        "events_per_s": figures["events_per_s"] >= BUDGETS["events_per_s"],
        "follow_100_p99_ms": figures["follow_100_p99_ms"] <= BUDGETS["follow_100_p99_ms"],
    }
    print(json.dumps({"figures": figures, "budgets": BUDGETS, "within": within}, indent=2))
    return 0 if all(within.values()) else 1


@contextmanager
def served(home: Home) -> Generator[tuple[str, str, psutil.Process]]:
    """Run `synapse serve` over the home; give its URL, its token and its process."""
    words = [sys.executable, "-m", "synapse_mcp.cli", "serve", "--port", "0", "--rate", "100000"]
    environ = {"SYNAPSE_HOME": str(home.root)}
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=environ) as server:
        assert server.stderr is not None
        url = server.stderr.readline().split(" at ")[1].split(";")[0]
        token = (home.root / "service-token").read_text(encoding="ascii").strip()
        try:
            yield url, token, psutil.Process(server.pid)
        finally:
            server.send_signal(signal.SIGTERM)
            server.communicate(timeout=30)


def measure_calls(session: Session, count: int) -> dict[str, float]:
    """Return the median ms of making a run known, of reading one, and of a list."""
    store = HttpRunStore(session)
    taken: dict[str, list[float]] = {"create_ms": [], "get_ms": [], "list_ms": []}
    for number in range(count):
        run = a_run(number, executor="elsewhere")
        for name, call in (
            ("create_ms", lambda run=run: store.create(run)),
            ("get_ms", lambda run=run: store.get(run.id)),
            ("list_ms", lambda: store.list(ALL, limit=50)),
        ):
            started = time.perf_counter()
            call()
            taken[name].append((time.perf_counter() - started) * 1e3)
    return {name: round(statistics.median(times), 2) for name, times in taken.items()}


def measure_ingestion(
    session: Session, near: Home, server: psutil.Process, count: int
) -> dict[str, float]:
    """Return events a second from a journal here to the service, and its CPU time for one."""
    run_id = own_run(session, RUNS["a"])
    near.run_dir(run_id).mkdir(parents=True)
    with JournalWriter.open(near.journal(run_id)) as writer:
        for _ in range(count):
            writer.emit(EventKind.LOG, LINE)
    before, started = sum(server.cpu_times()[:2]), time.perf_counter()
    with Shipper(near.journal(run_id), HttpReceiver(session, run_id, "me")) as shipper:
        assert shipper.flush(300)
        seconds = time.perf_counter() - started
    cpu_s = sum(server.cpu_times()[:2]) - before
    return {
        "events_per_s": round(count / seconds),
        "events_cpu_us": round(cpu_s / count * 1e6, 2),
    }


def measure_following(
    session: Session, far: Home, server: psutil.Process, run_id: str, followers: int, events: int
) -> dict[str, float]:
    """Return ms from the write of an event until a follower has it: median and p99 of all.

    And the CPU time of the service for one event to one follower.
    """
    own_run(session, run_id)
    token = (far.root / "service-token").read_text(encoding="ascii").strip()
    far.run_dir(run_id).mkdir(parents=True, exist_ok=True)
    here, there = multiprocessing.get_context("spawn").Pipe()
    address = session.url.removeprefix("http://")
    reader = multiprocessing.get_context("spawn").Process(
        target=follow_all, args=(there, address, token, run_id, followers)
    )
    reader.start()
    assert here.recv() == "following"
    before = sum(server.cpu_times()[:2])
    with JournalWriter.open(far.journal(run_id)) as writer:
        for _ in range(events):
            writer.emit(EventKind.LOG, {**LINE, "written": time.time()})
            time.sleep(PAUSE_S if followers <= 100 else 10 * PAUSE_S)
        writer.emit(EventKind.STATUS, {"status": "succeeded", "attempt": 1})
    late = sorted(here.recv())
    cpu_s = sum(server.cpu_times()[:2]) - before
    reader.join()
    assert len(late) == (followers - (followers > 100)) * events, len(late)
    return {
        f"follow_{followers}_median_ms": round(late[len(late) // 2] * 1e3, 2),
        f"follow_{followers}_p99_ms": round(late[len(late) * 99 // 100] * 1e3, 2),
        f"follow_{followers}_cpu_us": round(cpu_s / len(late) * 1e6, 1),
    }


def own_run(session: Session, run_id: str) -> str:
    """Make a run known and claim it."""
    store = HttpRunStore(session)
    store.create(a_run(id=run_id, executor="elsewhere"))
    store.claim(run_id, owner="me", lease_s=3600)
    return run_id


def follow_all(pipe: Connection, address: str, token: str, run_id: str, followers: int) -> None:
    """Follow the run so many times, and send how late each event came to each, in seconds."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(_follow_all(pipe, address, token, run_id, followers))


async def _follow_all(
    pipe: Connection, address: str, token: str, run_id: str, followers: int
) -> None:
    host, port = address.split(":")
    request = (
        f"GET /api/v1/runs/{run_id}/events/stream HTTP/1.1\r\nHost: {address}\r\n"
        f"Authorization: Bearer {token}\r\n\r\n"
    ).encode()
    late: list[float] = []
    ready = asyncio.Semaphore(0)

    async def follow(*, reads: bool) -> None:
        reader, writer = await asyncio.open_connection(host, int(port), limit=1 << 20)
        writer.write(request)
        await reader.readuntil(b"retry: ")
        ready.release()
        if not reads:
            await ended.wait()
        while reads:
            line = await reader.readline()
            if line.startswith(b'data: {"seq"'):
                now = time.time()
                event = json.loads(line[6:])
                if "written" in event["data"]:
                    late.append(now - event["data"]["written"])
                if event["kind"] == "status":
                    break
        writer.close()

    ended = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        stuck = followers > 100
        readers = [group.create_task(follow(reads=True)) for _ in range(followers - stuck)]
        if stuck:
            group.create_task(follow(reads=False))
        for _ in range(followers):
            await ready.acquire()
        pipe.send("following")
        await asyncio.wait(readers)
        ended.set()
    pipe.send(late)


if __name__ == "__main__":
    sys.exit(main())

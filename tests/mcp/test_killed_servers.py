"""Servers that are killed at any moment lose no run, and no line of a log.

The moments are drawn from a seed, which a failure shows. `SYNAPSE_SEED` sets
another one, and for more kills:

    SYNAPSE_SERVER_KILLS=1000 pytest -n 0 --timeout 0 tests/mcp/test_killed_servers.py
"""

import os
import random
import re
from typing import Any

from tests.mcp.wire import Start, Wire, modern
from tests.mcp.world import Place

KILLS = int(os.environ.get("SYNAPSE_SERVER_KILLS", "4"))
SEED = int(os.environ.get("SYNAPSE_SEED", "20260728"))

LINES = 60
TALKER = f"""
import time

from synapse_core import action


@action()
def run() -> int:
    for number in range({LINES}):
        print("line", number)
        time.sleep(0.01)
    return {LINES}
"""


class Reader:
    """Follows one run over the lives of many servers, as an agent would that keeps its cursor."""

    def __init__(self, key: str) -> None:
        self.start = {"plugin": "talker", "action": "run", "wait_s": 0, "idempotency_key": key}
        self.run_id: str | None = None
        self.cursor: str | None = None
        self.seen: list[int] = []
        self.is_over = False

    def question(self) -> tuple[str, dict[str, Any]]:
        """Return the next call: the start until it is answered, then the next lines."""
        if self.run_id is None:
            return "run_start", self.start
        on = {"tail": 1000} if self.cursor is None else {"cursor": self.cursor}
        return "run_logs", {"run_id": self.run_id, **on}

    def take(self, answer: dict[str, Any]) -> None:
        """Keep what the answer to the question tells."""
        if self.run_id is None:
            self.run_id = answer["run_id"]
            return
        self.cursor, self.is_over = answer["next_cursor"], answer["eof"]
        self.seen += [int(n) for n in re.findall(r"stdout: line (\d+)", "\n".join(answer["lines"]))]


def call(wire: Wire, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    result = wire.ask(modern(1, "tools/call", {"name": name, "arguments": arguments}))["result"]
    assert not result.get("isError"), result
    return result["structuredContent"]


def live(wire: Wire, readers: list[Reader], chance: random.Random) -> None:
    """Use the server for a while, and kill it while it may be at work for somebody."""
    for _ in range(chance.randrange(1, 12)):
        reader = chance.choice(readers)
        reader.take(call(wire, *reader.question()))
    for number, reader in enumerate(readers):
        name, arguments = reader.question()
        wire.send(modern(2 + number, "tools/call", {"name": name, "arguments": arguments}))
    if chance.random() < 0.5:
        wire.receive()  # the first of these answers reaches the client, and is lost there
    wire.process.kill()
    wire.process.communicate()


def list_runs(wire: Wire) -> list[str]:
    ids: list[str] = []
    page = call(wire, "run_list", {"limit": 50})
    while True:
        ids += [run["run_id"] for run in page["runs"]]
        if page.get("next_cursor") is None:
            return ids
        page = call(wire, "run_list", {"limit": 50, "cursor": page["next_cursor"]})


def test_no_run_and_no_line_is_lost_or_doubled_by_kills(place: Place, start: Start) -> None:
    place.plugin("talker", TALKER)
    chance = random.Random(SEED)  # noqa: S311 - moments of kills need not be secret
    readers: list[Reader] = []

    for number in range(KILLS):
        readers.append(Reader(f"key-{number}"))
        live(start(), readers[-3:], chance)
    last = start()
    for reader in readers:
        while not reader.is_over:
            reader.take(call(last, *reader.question()))
    runs = [call(last, "run_status", {"run_id": str(reader.run_id)}) for reader in readers]
    ids = list_runs(last)

    assert [run["status"] for run in runs] == ["succeeded"] * KILLS, SEED
    assert sorted(ids) == sorted(str(reader.run_id) for reader in readers), SEED
    assert all(reader.seen == list(range(LINES)) for reader in readers), SEED

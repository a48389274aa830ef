"""The quick start over a real process: what the front says, the server neither repeats nor forgets.

A gate in front of the import of the SDK makes the order certain: what is answered while it is shut,
the front has answered.
"""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.mcp.wire import INITIALIZED, TIMEOUT_S, Start, Wire, hello, modern, request
from tests.mcp.world import Place

pytestmark = pytest.mark.xdist_group("start")

GATED = """
import importlib.abc, os, sys

class Gate(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "mcp":
            open(os.environ["GATE"]).close()
        return None

from synapse_mcp.__main__ import main
sys.meta_path.insert(0, Gate())
main(sys.argv[1:])
"""
LISTENED = {"toolsListChanged": True, "promptsListChanged": True, "resourcesListChanged": True}
LISTEN = modern(7, "subscriptions/listen", {"notifications": LISTENED})


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """One place for all tests here: a record is made for its root."""
    made = Place(tmp_path_factory.mktemp("start"))
    made.root.mkdir()
    return made


@pytest.fixture(scope="module")
def record(place: Place) -> Path:
    """Return the file of a record for the server that `start` starts."""
    done = subprocess.run(
        [sys.executable, "-m", "synapse_mcp", "--root", str(place.root), "--warm"],
        check=True,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        cwd=place.folder,
        env={**os.environ, "SYNAPSE_HOME": str(place.home)},
    )
    return Path(done.stdout.strip())


class Gate:
    """Keeps the server from importing the SDK until it is opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)

    def open(self) -> None:
        """Let the import go on; waits until it has come so far."""
        os.close(os.open(self.path, os.O_WRONLY))


Gated = Callable[[], "tuple[Wire, Gate]"]


@pytest.fixture
def gated(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gated:
    def begin() -> tuple[Wire, Gate]:
        gate = Gate(tmp_path / "gate")
        monkeypatch.setenv("GATE", str(gate.path))
        return start("-c", GATED), gate

    return begin


def ids(wire: Wire) -> list[Any]:
    return [frame["id"] for frame in wire.frames if "id" in frame]


def methods(wire: Wire) -> list[str]:
    return [frame["method"] for frame in wire.frames if "method" in frame]


@pytest.mark.usefixtures("record")
def test_a_client_of_the_handshake_era_has_its_lists_before_the_sdk(gated: Gated) -> None:
    wire, gate = gated()

    wire.greet()
    tools = wire.ask(request(1, "tools/list"))["result"]["tools"]
    prompts = wire.ask(request(2, "prompts/list"))["result"]["prompts"]
    gate.open()
    called = wire.ask(request(3, "tools/call", {"name": "run_list", "arguments": {}}))["result"]
    code, err = wire.end()

    assert (code, err) == (0, "")
    assert (len(tools), len(prompts)) == (11, 4)
    assert called["structuredContent"]["runs"] == []
    assert ids(wire) == [0, 1, 2, 3]
    assert methods(wire) == []


@pytest.mark.usefixtures("record")
def test_a_client_of_2026_has_its_lists_before_the_sdk(gated: Gated) -> None:
    wire, gate = gated()

    discovered = wire.ask(modern(0, "server/discover"))["result"]
    wire.send(LISTEN)
    acknowledged = wire.receive()
    tools = wire.ask(modern(1, "tools/list"))["result"]["tools"]
    gate.open()
    called = wire.ask(modern(2, "tools/call", {"name": "run_list", "arguments": {}}))["result"]
    code, err = wire.end()

    assert (code, err) == (0, "")
    assert "2026-07-28" in discovered["supportedVersions"]
    assert acknowledged["method"] == "notifications/subscriptions/acknowledged"
    assert acknowledged["params"]["notifications"] == LISTENED
    assert len(tools) == 11
    assert called["structuredContent"]["runs"] == []
    assert methods(wire) == ["notifications/subscriptions/acknowledged"], "once, not twice"
    assert [number for number in ids(wire) if number != LISTEN["id"]] == [0, 1, 2]


@pytest.mark.usefixtures("record")
def test_a_client_that_does_not_wait_for_answers_gets_each_once(gated: Gated) -> None:
    wire, gate = gated()

    call = request(2, "tools/call", {"name": "run_list", "arguments": {}})
    wire.send(hello(), INITIALIZED, request(1, "tools/list"), call, request(3, "ping"))
    quick = [wire.receive()["id"] for _ in range(3)]
    wire.send(request(4, "prompts/list"), request(5, "tools/call", call["params"]))
    quick.append(wire.receive()["id"])
    gate.open()
    late = [wire.receive()["id"] for _ in range(2)]
    wire.end()

    assert quick == [0, 1, 3, 4]
    assert sorted(late) == [2, 5]
    assert sorted(ids(wire)) == [0, 1, 2, 3, 4, 5]


@pytest.mark.usefixtures("record")
def test_a_client_that_leaves_does_not_wait_for_the_sdk(gated: Gated) -> None:
    wire, _ = gated()
    wire.greet()

    assert wire.end() == (0, "")


@contextmanager
def falsified(record: Path) -> Generator[None]:
    """Let the record tell of a tool that the server does not have; it must be mended in the end."""
    truth = json.loads(record.read_bytes())
    wrong = record.read_text(encoding="utf-8").replace("plugin_search", "plugin_seance")
    record.write_text(wrong, encoding="utf-8")
    yield
    assert json.loads(record.read_bytes()) == truth


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_a_client_that_got_a_wrong_list_is_told_so(start: Start, record: Path, era: str) -> None:
    with falsified(record):
        wire = start()
        if era == "legacy":
            wire.greet()
            wrong = wire.ask(request(1, "tools/list"))["result"]["tools"]
        else:
            wire.send(LISTEN)
            wire.receive()
            wrong = wire.ask(modern(1, "tools/list"))["result"]["tools"]
        told = wire.receive()
        ask = request if era == "legacy" else modern
        right = wire.ask(ask(2, "tools/list"))["result"]["tools"]
        wire.end()

    assert wrong[0]["name"] == "plugin_seance"
    assert told["method"] == "notifications/tools/list_changed"
    assert right[0]["name"] == "plugin_search"
    assert methods(wire).count("notifications/tools/list_changed") == 1


def test_a_start_without_a_record_leaves_one_for_the_next(start: Start, record: Path) -> None:
    warmed = json.loads(record.read_bytes())
    record.unlink()

    wire = start()
    wire.greet()
    number = 0
    while not record.exists():
        number += 1
        wire.ask(request(number, "tools/call", {"name": "run_list", "arguments": {}}))
    wire.end()

    assert json.loads(record.read_bytes()) == warmed


def test_a_record_is_made_for_every_version_and_is_the_owners_alone(record: Path) -> None:
    content = json.loads(record.read_bytes())

    assert list(content["handshakes"]) == ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]
    assert list(content["modern"]) == ["2026-07-28"]
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    assert stat.S_IMODE(record.parent.stat().st_mode) == 0o700

"""The wire carries frames and nothing else, whatever is printed and whoever leaves."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mcp.wire import TIMEOUT_S, Start, hello, request
from tests.mcp.world import Place

SCREAM = """
import importlib.abc, os, sys

class Screamer(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        print("importing", name, flush=True)
        os.write(1, b"raw bytes\\n")
        return None

from synapse_mcp.__main__ import main
sys.meta_path.insert(0, Screamer())
main(sys.argv[1:])
"""


def test_prints_while_modules_are_imported_break_no_frame(start: Start) -> None:
    wire = start("-c", SCREAM)

    assert wire.greet()["result"]["serverInfo"]["name"] == "synapse"
    wire.send(request(1, "tools/list"))
    assert wire.receive()["result"]["tools"]
    code, err = wire.end()

    assert code == 0
    assert all(json.loads(line) for line in wire.lines)
    assert "importing mcp" in err
    assert "raw bytes" in err


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(b"not json", id="no JSON"),
        pytest.param(b"", id="empty line"),
        pytest.param(b"\xff\xfe\x00", id="no UTF-8"),
        pytest.param(b"[]", id="empty batch"),
        pytest.param(b"{}", id="empty object"),
        pytest.param(b'{"jsonrpc": "2.0", "id": 7}', id="no method"),
        pytest.param(b'{"jsonrpc": "2.0", "id": 7, "method": "\\ud800"}', id="lone surrogate"),
        pytest.param(b'{"jsonrpc": "2.0", "method": "' + b"x" * 200_000 + b'"}', id="long line"),
        pytest.param(b"[" * 10_000, id="deep nesting"),
        pytest.param(b'{"jsonrpc": "2.0", "id": {}, "method": "tools/list"}', id="id is an object"),
    ],
)
def test_a_broken_frame_ends_nothing(start: Start, garbage: bytes) -> None:
    wire = start()
    wire.greet()

    wire.send(garbage, request(99, "tools/list"))

    while (answer := wire.receive()).get("id") != 99:
        assert answer.get("jsonrpc") == "2.0"
    assert answer["result"]["tools"]


def test_an_unknown_method_is_answered_as_such(start: Start) -> None:
    wire = start()
    wire.greet()

    wire.send(request(1, "no/such"))

    assert wire.receive()["error"]["code"] == -32601


def test_the_server_ends_when_the_client_closes_the_wire(start: Start) -> None:
    wire = start()
    wire.greet()

    code, err = wire.end()

    assert code == 0
    assert err == ""


def test_the_server_ends_when_nobody_ever_speaks(start: Start) -> None:
    code, err = start().end()

    assert (code, err) == (0, "")


def test_an_interrupt_ends_the_server_at_once(start: Start) -> None:
    wire = start()
    wire.greet()

    wire.process.send_signal(signal.SIGINT)

    assert wire.process.wait(TIMEOUT_S) == -signal.SIGINT


def test_a_client_that_vanishes_leaves_no_traceback(start: Start) -> None:
    wire = start()
    wire.greet()
    assert wire.process.stdout is not None

    wire.process.stdout.close()
    wire.send(request(1, "tools/list"))
    assert wire.process.stdin is not None
    wire.process.stdin.close()

    assert wire.process.wait(TIMEOUT_S) == 0
    assert wire.process.stderr is not None
    assert b"Traceback" not in wire.process.stderr.read()


@pytest.mark.parametrize("fd", [0, 1])
def test_a_closed_standard_stream_is_named(fd: int, tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" -m synapse_mcp {fd}{"<" if fd == 0 else ">"}&-', sys.executable],
        check=False,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        cwd=tmp_path,
    )

    assert done.returncode == 1
    assert done.stderr == "synapse-mcp: stdin and stdout must be open: they are the wire.\n"


def test_a_closed_stderr_does_no_harm(place: Place) -> None:
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" -c "$1" --root . 2>&-', sys.executable, SCREAM],
        check=False,
        input=json.dumps(hello()) + "\n",
        stdout=subprocess.PIPE,
        text=True,
        timeout=TIMEOUT_S,
        cwd=place.root,
        env={**os.environ, "SYNAPSE_HOME": str(place.home)},
    )

    assert done.returncode == 0
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["result"]["serverInfo"]["name"] == "synapse"


def test_a_home_that_cannot_be_opened_is_told_by_the_calls(start: Start, place: Place) -> None:
    place.home.write_text("not a folder", encoding="utf-8")
    wire = start()
    wire.greet()

    wire.send(request(1, "tools/call", {"name": "run_list", "arguments": {}}))
    failed = wire.receive()["result"]
    place.home.unlink()
    wire.send(request(2, "tools/call", {"name": "run_list", "arguments": {}}))
    mended = wire.receive()["result"]

    assert failed["isError"]
    assert failed["content"][0]["text"].startswith("[storage_failed] Cannot ")
    assert mended["structuredContent"]["runs"] == []

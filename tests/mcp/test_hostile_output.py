"""However much an action prints, and whatever it looks like, frames stay frames."""

import json

from tests.mcp.wire import INITIALIZED, Start, hello, request
from tests.mcp.world import Place

LINES = 100_000

SHOUT = r"""
import atexit
import ctypes
import os
import subprocess
import sys

from synapse_core import action

FRAME = '{"jsonrpc":"2.0","id":1,"result":{}}\r\x1b[2J'
print(FRAME, flush=True)


@action()
def run(share: int) -> None:
    for _ in range(share):
        print(FRAME)
    sys.stdout.flush()
    for _ in range(share // 100):
        os.write(1, (FRAME + "\n").encode() * 100)
    child = f"for _ in range({share}): print({FRAME!r})"
    subprocess.run([sys.executable, "-S", "-c", child], check=True)
    libc = ctypes.CDLL(None)
    for _ in range(share):
        libc.puts(FRAME.encode())
    libc.fflush(None)
    atexit.register(lambda: os.write(1, (FRAME + "\n").encode() * share))
"""


def test_a_hundred_thousand_lines_like_frames_break_none(start: Start, place: Place) -> None:
    place.plugin("shout", SHOUT)
    wire = start()
    wire.send(hello(), INITIALIZED)
    number = 1

    def call(name: str, **arguments: object) -> dict[str, object]:
        nonlocal number
        number += 1
        told = wire.ask(request(number, "tools/call", {"name": name, "arguments": arguments}))
        return told["result"]["structuredContent"]

    share = LINES // 5
    run = call("run_start", plugin="shout", action="run", params={"share": share}, wait_s=0)
    wire.send(request(0, "resources/subscribe", {"uri": f"run://{run['run_id']}/log"}))
    while call("run_status", run_id=run["run_id"])["status"] in {"pending", "running"}:
        call("run_logs", run_id=run["run_id"], tail=50)
    logs = call("run_logs", run_id=run["run_id"], tail=1)
    code, err = wire.end()

    assert int(str(logs["total_lines"])) > LINES, "all of it is in the log"
    frames = [json.loads(line) for line in wire.lines]
    assert all(frame["jsonrpc"] == "2.0" for frame in frames)
    assert all(frame["result"] for frame in frames if frame.get("id", 0) > 0)
    assert (code, err) == (0, "")

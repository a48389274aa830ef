"""Whether the MCP server stays as it is, however long it is used and whatever actions print.

    .venv/bin/python benchmarks/mcp_soak.py [--era legacy|modern] [--calls N] [--lines N]

Calls all read tools, reads resources, gets errors, starts runs, gives up waits and subscribes, and
looks at memory, descriptors and threads on the way. Then an action writes hostile lines in every
way there is, while the server is used. Prints one JSON object. Budget: 5 MB of growth, no
descriptors but those of connections that are kept, not one bad frame.
"""

import argparse
import json
import sys
import time
from typing import Any

from mcp_wire import ERAS, WireServer, benched

MAX_GROWTH_MB = 5.0
MORE_DESCRIPTORS = 24
"""The store keeps some connections that were once needed together, each with two files."""

TOOLS: dict[str, dict[str, Any]] = {
    "plugin_search": {},
    "plugin_describe": {"plugin": "bench", "action": "noop"},
    "run_list": {"limit": 5},
    "run_cancel": {"run_id": "no such run"},
    "no_such_tool": {},
    "run_start": {"plugin": 7},
}
FAILING = frozenset({"run_cancel", "no_such_tool", "run_start"})
ABOUT_RUNS = ("run_status", "run_logs", "run_outputs")

SAMPLES = 10
SETTLED_S = 2.0
"""By then, whoever waited for what was given up has noticed."""


def main() -> None:
    """Use the server, print how it fared, and fail when a budget is not kept."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--era", choices=ERAS, default="modern")
    parser.add_argument("--calls", type=int, default=2_000)
    parser.add_argument("--lines", type=int, default=100_000)
    options = parser.parse_args()
    with benched(options.era) as bench:
        server = bench.start()
        server.greet()
        report = {"endured": endure(server, options.calls), "shouted": shout(server, options.lines)}
        server.close()
    print(json.dumps(report, indent=1))
    endured = report["endured"]
    assert endured["growth_mb"] < MAX_GROWTH_MB, "the server grows"
    assert endured["more_descriptors"] <= MORE_DESCRIPTORS, "the server leaves files open"


def endure(server: WireServer, count: int) -> dict[str, Any]:
    """Make so many calls; tell what the server has grown by since a tenth of them."""
    run_id = start_run(server)
    samples: list[dict[str, float]] = []
    for number in range(count):
        if number % max(1, count // SAMPLES) == 0:
            samples.append(sample(server, number))
            run_id = start_run(server)
        make_call(server, number, run_id)
        server.notices.clear()
    samples.append(sample(server, count))
    first, last = samples[1], samples[-1]
    return {
        "calls": count,
        "growth_mb": round(last["rss_mb"] - first["rss_mb"], 2),
        "more_descriptors": last["descriptors"] - first["descriptors"],
        "samples": samples,
    }


def make_call(server: WireServer, number: int, run_id: str) -> None:
    """Make one of the calls there are, in turns."""
    tools = {**TOOLS, **{name: {"run_id": run_id} for name in ABOUT_RUNS}}
    if (turn := number % (len(tools) + 4)) < len(tools):
        name = list(tools)[turn]
        result = server.call("tools/call", {"name": name, "arguments": tools[name]})
        assert bool(result.get("isError")) == (name in FAILING), result
    elif turn == len(tools):
        server.call("tools/list")
    elif turn == len(tools) + 1:
        server.call("resources/read", {"uri": f"run://{run_id}/log"})
    elif turn == len(tools) + 2:
        give_up(server, "tools/call", {"name": "run_status", "arguments": {"run_id": "last"}})
    else:
        come_and_go(server, f"run://{run_id}/log")


def come_and_go(server: WireServer, uri: str) -> None:
    """Subscribe and leave again."""
    if server.is_modern:
        wanted = {"notifications": {"resourceSubscriptions": [uri]}}
        give_up(server, "subscriptions/listen", wanted)
    else:
        server.call("resources/subscribe", {"uri": uri})
        server.call("resources/unsubscribe", {"uri": uri})


def give_up(server: WireServer, method: str, params: dict[str, Any]) -> None:
    """Send a request and cancel it at once."""
    request_id = server.send(method, params)
    server.notify("notifications/cancelled", {"requestId": request_id})


def start_run(server: WireServer) -> str:
    """Run an action to its end and return the run's id."""
    done = server.tool("run_start", plugin="bench", action="noop", wait_s=50)
    return done["structuredContent"]["run_id"]


def sample(server: WireServer, number: int) -> dict[str, float]:
    """Return what the server holds after so many calls, when it has come to rest."""
    time.sleep(SETTLED_S)
    return {
        "calls": number,
        "rss_mb": round(server.rss_mb(), 2),
        "descriptors": server.descriptors(),
        "threads": server.threads(),
    }


def shout(server: WireServer, lines: int) -> dict[str, Any]:
    """Have an action write so many lines that look like frames, and use the server meanwhile.

    Each frame that comes is looked at: one that is none ends this with an exception.
    """
    started = server.tool(
        "run_start", plugin="bench", action="shout", params={"lines": lines}, wait_s=0
    )
    run_id = started["structuredContent"]["run_id"]
    server.subscribe(f"run://{run_id}/log")
    began = time.monotonic()
    frames = 0
    status = "running"
    while status in {"pending", "running"}:
        status = server.tool("run_status", run_id=run_id)["structuredContent"]["status"]
        server.tool("run_logs", run_id=run_id, tail=50)
        frames += 2
    page = server.tool("run_logs", run_id=run_id, tail=1)["structuredContent"]
    assert status == "succeeded", status
    assert page["total_lines"] > lines, page
    return {
        "lines": page["total_lines"],
        "frames": frames + len(server.notices),
        "bad_frames": 0,
        "took_s": round(time.monotonic() - began, 1),
        "rss_mb": round(server.rss_mb(), 2),
    }


if __name__ == "__main__":
    sys.exit(main())

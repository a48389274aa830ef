"""What the MCP server costs: its start and its calls, beside a bare server of the same SDK.

    .venv/bin/python benchmarks/mcp_server.py [--era legacy|modern] [--starts N] [--calls N]

Speaks raw JSON-RPC over pipes, so that the client adds next to nothing, and measures both servers
in turns, so that both suffer the same from whatever else the machine does. Prints one JSON object,
and fails when a budget is not kept. Budgets that a busy machine would break for anybody are set
beside what the bare server needs in the same run.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from mcp_wire import ERAS, Bench, WireServer, benched, spread

MARGIN_CPU_MS = 1.0
MARGIN_P50_MS = 2.0
IN_FLIGHT = 100
MOST_CALLS = 128
"""What one client may have under way."""
CANCELLED = 100

Budget = dict[str, tuple[float, float]]
"""By name: what was measured, and what it may be at most."""


def main() -> None:
    """Measure, print, and fail when a budget is not kept."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--era", choices=ERAS, default="modern")
    parser.add_argument("--starts", type=int, default=10)
    parser.add_argument("--calls", type=int, default=500)
    options = parser.parse_args()
    with benched(options.era) as bench:
        report = measure(bench, options.starts, options.calls)
    budgets = kept_budgets(report)
    report["budgets"] = {name: list(pair) for name, pair in budgets.items()}
    print(json.dumps(report, indent=1))
    broken = [name for name, (measured, most) in budgets.items() if measured > most]
    if broken:
        sys.exit(f"over the budget: {', '.join(broken)}")


def measure(bench: Bench, starts: int, calls: int) -> dict[str, Any]:
    """Return all figures."""
    load = os.getloadavg()[0]
    started = measure_starts(bench, starts)
    ours, bare = bench.start(), bench.start_bare()
    for server in (ours, bare):
        server.greet()
        server.call("tools/list")
    ours.tool("run_start", plugin="bench", action="noop", wait_s=30)
    bare.tool("echo", text="hello")
    idle_mb = ours.rss_mb()
    report: dict[str, Any] = {
        "start": started,
        "run_start_ms": measure_run_start(ours),
        "calls": measure_calls(ours, bare, calls),
        "in_flight_100": measure_in_flight(ours, bare, calls),
        "cancel_ms": measure_cancel(ours),
        "log_to_event_s": measure_events(ours),
        "rss_mb": {"idle": round(idle_mb, 1), "after": round(ours.rss_mb(), 1)},
        "load": [load, os.getloadavg()[0]],
    }
    ours.close()
    bare.close()
    return report


def kept_budgets(report: Mapping[str, Any]) -> Budget:
    """Return what was measured beside what it may be at most."""
    start, calls, load = report["start"], report["calls"], report["in_flight_100"]
    echo = calls["echo"]
    budgets: Budget = {
        "cpu before the list": (start["warm"]["cpu_ms"]["p50"], 50),
        "first call": (
            start["warm"]["first_call_ms"]["p50"],
            start["bare"]["first_call_ms"]["p50"],
        ),
        "run_start": (report["run_start_ms"]["p50"], 200),
        "cancel": (report["cancel_ms"]["p99"], 100),
        "log to event": (report["log_to_event_s"]["p99"], 1.5),
        "cpu with 100 in flight": (
            load["synapse"]["cpu_ms"],
            load["bare"]["cpu_ms"] + MARGIN_CPU_MS,
        ),
    }
    for name, figures in calls.items():
        if name != "echo":
            budgets[f"{name} cpu"] = (figures["cpu_ms"], echo["cpu_ms"] + MARGIN_CPU_MS)
            budgets[f"{name} p50"] = (figures["p50"], echo["p50"] + MARGIN_P50_MS)
    return budgets


def measure_starts(bench: Bench, starts: int) -> dict[str, Any]:
    """Start each server in turn; time until the client has its tools, and its first answer."""

    def cold() -> WireServer:
        bench.forget_record()
        return bench.start()

    def warm() -> WireServer:
        bench.record()
        return bench.start()

    ways: dict[str, tuple[Callable[[], WireServer], tuple[str, dict[str, Any]]]] = {
        "cold": (cold, ("plugin_search", {})),
        "warm": (warm, ("plugin_search", {})),
        "bare": (bench.start_bare, ("echo", {"text": "hello"})),
    }
    keys = ("tools_ms", "cpu_ms", "first_call_ms", "first_call_cpu_ms", "rss_mb", "shutdown_ms")
    figures = {name: {key: list[float]() for key in keys} for name in ways}
    for _ in range(starts):
        for name, (start, (tool, arguments)) in ways.items():
            server = start()
            server.greet()
            server.call("tools/list")
            told = [server.age_ms(), server.cpu_ms()]
            server.tool(tool, **arguments)
            told += [server.age_ms(), server.cpu_ms(), server.rss_mb(), server.close()]
            for key, value in zip(keys, told, strict=True):
                figures[name][key].append(value)
    return {
        name: {key: spread(values) for key, values in by_key.items()}
        for name, by_key in figures.items()
    }


def measure_run_start(server: WireServer) -> dict[str, float]:
    """Time how long a run takes to be on its way."""
    samples: list[float] = []
    for _ in range(10):
        began = time.perf_counter()
        server.tool("run_start", plugin="bench", action="noop", wait_s=0)
        samples.append((time.perf_counter() - began) * 1000)
        server.tool("run_status", run_id="last", wait_s=30)
    return spread(samples)


def measure_calls(ours: WireServer, bare: WireServer, count: int) -> dict[str, dict[str, float]]:
    """Time each read tool by itself, in turns with the bare server's echo."""
    run_id = last_run(ours)
    tools: dict[str, dict[str, Any]] = {
        "plugin_search": {},
        "plugin_describe": {"plugin": "bench", "action": "noop"},
        "run_list": {"limit": 5},
        "run_status": {"run_id": run_id},
        "run_logs": {"run_id": run_id, "tail": 20},
        "run_outputs": {"run_id": run_id},
    }
    result: dict[str, dict[str, float]] = {}
    echoes: list[float] = []
    echo_cpu = bare.cpu_ms()
    for name, arguments in tools.items():
        for _ in range(20):
            ours.tool(name, **arguments)
        samples: list[float] = []
        cpu = ours.cpu_ms()
        for _ in range(count):
            samples.append(timed_ms(ours, name, arguments))
            echoes.append(timed_ms(bare, "echo", {"text": "hello"}))
        result[name] = {**spread(samples), "cpu_ms": round((ours.cpu_ms() - cpu) / count, 3)}
    used = (bare.cpu_ms() - echo_cpu) / len(echoes)
    return {"echo": {**spread(echoes), "cpu_ms": round(used, 3)}, **result}


def timed_ms(server: WireServer, name: str, arguments: dict[str, Any]) -> float:
    """Call a tool and return how long it took."""
    began = time.perf_counter()
    server.tool(name, **arguments)
    return (time.perf_counter() - began) * 1000


def measure_in_flight(
    ours: WireServer, bare: WireServer, count: int
) -> dict[str, dict[str, float]]:
    """Keep a hundred requests under way until `count` are answered."""
    run = {"run_id": last_run(ours)}
    return {
        "synapse": throughput(ours, "run_status", run, count),
        "synapse_plugin_search": throughput(ours, "plugin_search", {}, count),
        "bare": throughput(bare, "echo", {"text": "hello"}, count),
    }


def throughput(
    server: WireServer, name: str, arguments: dict[str, Any], count: int
) -> dict[str, float]:
    """Return how many calls per second the server answered, and at what cost."""
    began, cpu = time.perf_counter(), server.cpu_ms()
    sent = done = 0
    while done < count:
        while sent < min(count, done + IN_FLIGHT):
            server.send("tools/call", {"name": name, "arguments": arguments})
            sent += 1
        frame = server.receive()
        assert frame is not None
        if "id" in frame:
            assert not frame["result"].get("isError"), frame
            done += 1
    took_s = time.perf_counter() - began
    return {
        "calls_per_s": round(count / took_s, 1),
        "cpu_ms": round((server.cpu_ms() - cpu) / count, 3),
    }


def measure_cancel(server: WireServer) -> dict[str, float]:
    """Time how long after a cancellation its call is gone.

    A client has as many calls under way as it may: another one is let in only when one is gone.
    They have begun before the first is given up: what waits in a queue cannot be unwound.
    """
    server.tool("run_start", plugin="bench", action="talk", params={"times": 20}, wait_s=0)
    wait = {"name": "run_status", "arguments": {"run_id": last_run(server), "wait_s": 50}}
    waits: list[int] = []
    while len(waits) < MOST_CALLS:
        waits.append(server.send("tools/call", wait))
        server.call("tools/list")
    samples: list[float] = []
    for request_id in waits:
        server.notify("notifications/cancelled", {"requestId": request_id})
        began = time.perf_counter()
        probe = {"name": "plugin_search", "arguments": dict[str, Any]()}
        while "error" in server.answer(server.send("tools/call", probe)):
            pass
        samples.append((time.perf_counter() - began) * 1000)
        if len(samples) == CANCELLED:
            break
        server.send("tools/call", wait)
    for request_id in range(waits[0], waits[-1] + 3 * MOST_CALLS):
        server.notify("notifications/cancelled", {"requestId": request_id})
    server.tool("run_cancel", run_id=last_run(server))
    return spread(samples)


def measure_events(server: WireServer) -> dict[str, float]:
    """Time how long after a line was written a subscriber was told, and could read it."""
    run = {"times": 20, "pause_s": 0.3}
    server.tool("run_start", plugin="bench", action="talk", params=run, wait_s=0)
    run_id = last_run(server)
    server.subscribe(f"run://{run_id}/log")
    cursor = server.tool("run_logs", run_id=run_id, tail=1)["structuredContent"]["next_cursor"]
    samples: list[float] = []
    is_over = False
    while not is_over:
        if server.receive(timeout_s=5) is None:
            break
        if not server.notices:
            continue
        told_at = server.notices.pop()[0]
        page = server.tool("run_logs", run_id=run_id, cursor=cursor)["structuredContent"]
        cursor, is_over = page["next_cursor"], page["eof"]
        for line in page["lines"]:
            written = line.rpartition("message: at ")
            if written[1] and float(written[2]) <= told_at:
                samples.append(told_at - float(written[2]))
    return {**spread(samples), "lines": len(samples)}


def last_run(server: WireServer) -> str:
    """Return the id of the newest run."""
    return server.tool("run_list", limit=1)["structuredContent"]["runs"][0]["run_id"]


if __name__ == "__main__":
    main()

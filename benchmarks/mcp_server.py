"""What the MCP server costs: its start and its calls, beside a bare server of the same SDK.

    .venv/bin/python benchmarks/mcp_server.py [--era legacy|modern] [--starts N] [--calls N]

Speaks raw JSON-RPC over pipes, so that the client adds next to nothing, and measures both servers
in turns, so that both suffer the same from whatever else the machine does. Prints one JSON object.
Budget: read tools answer with a median of at most 3 ms.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

LEGACY, MODERN = "2025-11-25", "2026-07-28"
BUDGET_MS = 3.0
TICKS = os.sysconf("SC_CLK_TCK")

BARE = """
from mcp.server import MCPServer

server = MCPServer("bare")


@server.tool()
def echo(text: str) -> str:
    return text


server.run()
"""

PLUGIN = {
    "config.yaml": (
        "name: Bench\\ncode: bench\\nversion: 1.0.0\\n"
        "actions:\\n  noop:\\n    entrypoint: actions:noop\\n"
    ),
    "actions.py": (
        "from synapse_core import action\\n\\n\\n@action()\\ndef noop(n: int = 1) -> int:\\n"
        "    for i in range(100):\\n        print('line', i)\\n    return n\\n"
    ),
}


class Server:
    """One server process, spoken to frame by frame."""

    def __init__(self, command: list[str], era: str, env: dict[str, str]) -> None:
        self._era = era
        self._id = 0
        self.born = time.perf_counter()
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=env,
        )

    def call(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send a request and return its result."""
        sent = self.send(method, params)
        while True:
            frame = self.receive()
            if frame.get("id") == sent:
                assert "result" in frame, frame
                return frame["result"]

    def send(self, method: str, params: dict[str, Any] | None = None) -> int:
        """Send a request and return its id, without waiting."""
        self._id += 1
        self._write({"id": self._id, "method": method, "params": self._enveloped(params or {})})
        return self._id

    def receive(self) -> dict[str, Any]:
        """Return the next frame."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the server ended with {self._process.wait(5)}"
        return json.loads(line)

    def greet(self) -> None:
        """Do what a client of the era does first."""
        if self._era == "modern":
            self.call("server/discover")
            return
        client = {"name": "bench", "version": "1"}
        hello = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": client}
        self.call("initialize", hello)
        self._write({"method": "notifications/initialized"})

    def age_ms(self) -> float:
        """Return how long ago the process was started."""
        return (time.perf_counter() - self.born) * 1000

    def cpu_ms(self) -> float:
        """Return the CPU time used so far, children not counted."""
        stat = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii")
        fields = stat.rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) * 1000 / TICKS

    def rss_mb(self) -> float:
        """Return the memory in use."""
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def close(self) -> float:
        """Close the wire and return how long the server took to end, in ms."""
        assert self._process.stdin is not None
        began = time.perf_counter()
        self._process.stdin.close()
        self._process.wait(10)
        return (time.perf_counter() - began) * 1000

    def _write(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        frame = json.dumps({"jsonrpc": "2.0", **message}, separators=(",", ":"))
        self._process.stdin.write(frame.encode() + b"\\n")
        self._process.stdin.flush()

    def _enveloped(self, params: dict[str, Any]) -> dict[str, Any]:
        if self._era != "modern":
            return params
        prefix = "io.modelcontextprotocol"
        meta = {
            f"{prefix}/protocolVersion": MODERN,
            f"{prefix}/clientInfo": {"name": "bench", "version": "1"},
            f"{prefix}/clientCapabilities": {},
        }
        return {**params, "_meta": meta}


def spread(samples: list[float]) -> dict[str, float]:
    """Return the figures by which two servers are compared; the least is the least disturbed."""
    ordered = sorted(samples)
    return {
        "min": round(ordered[0], 3),
        "p50": round(statistics.median(ordered), 3),
        "p99": round(ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))], 3),
    }


def measure_starts(commands: dict[str, Callable[[], Server]], starts: int) -> dict[str, Any]:
    """Start each server in turn, and time how long it takes until the client has its tools."""
    figures: dict[str, dict[str, list[float]]] = {
        name: {"spawn_to_tools_ms": [], "cpu_ms": [], "rss_mb": [], "shutdown_ms": []}
        for name in commands
    }
    sizes: dict[str, int] = {}
    for _ in range(starts):
        for name, start in commands.items():
            server = start()
            server.greet()
            tools = server.call("tools/list")["tools"]
            figures[name]["spawn_to_tools_ms"].append(server.age_ms())
            figures[name]["cpu_ms"].append(server.cpu_ms())
            figures[name]["rss_mb"].append(server.rss_mb())
            figures[name]["shutdown_ms"].append(server.close())
            sizes[name] = len(json.dumps(tools, separators=(",", ":")).encode())
    return {
        name: {
            **{key: spread(values) for key, values in by_key.items()},
            "tools_bytes": sizes[name],
        }
        for name, by_key in figures.items()
    }


def measure_calls(
    server: Server, calls: dict[str, tuple[str, dict[str, Any]]], count: int
) -> dict[str, dict[str, float]]:
    """Time each call by itself, then as many of them as fit while a hundred are under way."""
    result: dict[str, dict[str, float]] = {}
    for name, (method, params) in calls.items():
        for _ in range(20):
            server.call(method, params)
        samples: list[float] = []
        cpu = server.cpu_ms()
        for _ in range(count):
            began = time.perf_counter()
            answer = server.call(method, params)
            samples.append((time.perf_counter() - began) * 1000)
            assert not answer.get("isError"), answer
        used = (server.cpu_ms() - cpu) / count
        result[name] = {**spread(samples), "cpu_ms": round(used, 3)}
    method, params = next(iter(calls.values()))
    result["in_flight_100"] = measure_throughput(server, method, params, count)
    return result


def measure_throughput(
    server: Server, method: str, params: dict[str, Any], count: int
) -> dict[str, float]:
    """Keep a hundred requests under way until `count` are answered."""
    began = time.perf_counter()
    sent = done = 0
    while done < count:
        while sent < min(count, done + 100):
            server.send(method, params)
            sent += 1
        done += "id" in server.receive()
    return {"calls_per_s": round(count / (time.perf_counter() - began), 1)}


@contextmanager
def prepared() -> Generator[tuple[list[str], dict[str, str]]]:
    """Yield the command of our server and an environment with a home of its own."""
    with tempfile.TemporaryDirectory() as folder:
        plugin = Path(folder, "plugins", "bench")
        plugin.mkdir(parents=True)
        for name, text in PLUGIN.items():
            (plugin / name).write_text(text, encoding="utf-8")
        env = {**os.environ, "SYNAPSE_HOME": str(Path(folder, "home"))}
        yield [sys.executable, "-m", "synapse_mcp", "--root", str(plugin.parent)], env


def main() -> None:
    """Measure, print, and fail when a read tool is over the budget."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--era", choices=["legacy", "modern"], default="modern")
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--calls", type=int, default=300)
    options = parser.parse_args()
    with prepared() as (command, env):
        report = measure(command, env, options)
    print(json.dumps(report, indent=1))
    slow = {
        name: figures["p50"]
        for name, figures in report["calls"]["synapse"].items()
        if figures.get("p50", 0) > BUDGET_MS
    }
    if slow:
        sys.exit(f"over the budget of {BUDGET_MS} ms: {slow}")


def measure(command: list[str], env: dict[str, str], options: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of both servers."""

    def ours() -> Server:
        return Server(command, options.era, env)

    def bare() -> Server:
        return Server([sys.executable, "-c", BARE], options.era, env)

    starts = measure_starts({"synapse": ours, "bare_sdk": bare}, options.starts)
    server, echo = ours(), bare()
    for each in (server, echo):
        each.greet()
    run = {"plugin": "bench", "action": "noop", "wait_s": 30}
    began = time.perf_counter()
    started = server.call("tools/call", {"name": "run_start", "arguments": run})
    first_run_ms = (time.perf_counter() - began) * 1000
    assert started["structuredContent"]["status"] == "succeeded", started
    run_id = started["structuredContent"]["run_id"]
    calls = {
        "run_status": {"run_id": run_id},
        "run_logs": {"run_id": run_id, "tail": 20},
        "run_list": {"limit": 5},
        "run_outputs": {"run_id": run_id},
        "plugin_search": {},
        "plugin_describe": {"plugin": "bench", "action": "noop"},
    }
    read_tools = {
        name: ("tools/call", {"name": name, "arguments": arguments})
        for name, arguments in calls.items()
    }
    read_tools["resource_log"] = ("resources/read", {"uri": f"run://{run_id}/log?tail=20"})
    echo_call = {"echo": ("tools/call", {"name": "echo", "arguments": {"text": "hello"}})}
    report = {
        "era": options.era,
        "start": starts,
        "first_run_ms": round(first_run_ms, 1),
        "calls": {
            "synapse": measure_calls(server, read_tools, options.calls),
            "bare_sdk": measure_calls(echo, echo_call, options.calls),
        },
        "rss_mb_after": round(server.rss_mb(), 1),
        "load": os.getloadavg()[0],
    }
    server.close()
    echo.close()
    return report


if __name__ == "__main__":
    main()

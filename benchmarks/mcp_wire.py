"""A client of MCP servers that costs next to nothing, for benchmarks: raw JSON-RPC over pipes."""

import json
import os
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["ERAS", "Bench", "WireServer", "benched", "spread"]

ERAS = ("legacy", "modern")
"""The two ways a connection begins: with a handshake, or with a discovery."""

_LEGACY, _MODERN = "2025-11-25", "2026-07-28"
_META = "io.modelcontextprotocol/"
_TICKS = os.sysconf("SC_CLK_TCK")
_CHUNK_BYTES = 1 << 16

_BARE = """
from mcp.server import MCPServer

server = MCPServer("bare")


@server.tool()
def echo(text: str) -> str:
    return text


server.run()
"""

_MANIFEST = """\
name: Bench
code: bench
version: 1.0.0
actions:
  noop:
    entrypoint: actions:noop
  talk:
    entrypoint: actions:talk
  shout:
    entrypoint: actions:shout
"""

_ACTIONS = r"""
import atexit
import ctypes
import os
import subprocess
import sys
import time

from synapse_core import RuntimeContext, action

FRAME = '{"jsonrpc":"2.0","id":1,"result":{}}\r\x1b[2J'
print(FRAME, flush=True)


@action()
def noop(n: int = 1) -> int:
    for i in range(100):
        print("line", i)
    return n


@action()
def talk(ctx: RuntimeContext, times: int = 5, pause_s: float = 1.2) -> None:
    for _ in range(times):
        time.sleep(pause_s)
        ctx.log_message(f"at {time.time():.6f}")


@action()
def shout(lines: int = 1000) -> int:
    share = lines // 5
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
    return share
"""


class WireServer:
    """A server process, spoken to frame by frame.

    Args:
        command: How it is started.
        era: One of `ERAS`.
        env: Its environment.
    """

    def __init__(self, command: Sequence[str], era: str, env: Mapping[str, str]) -> None:
        self._era = era
        self._last_id = 0
        self._unread = bytearray()
        self._lines: deque[bytes] = deque()
        self.notices: list[tuple[float, dict[str, Any]]] = []
        self.born = time.perf_counter()
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(env),
            bufsize=0,
        )
        self.pid = self._process.pid

    def call(self, method: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Send a request and return its result."""
        frame = self.answer(self.send(method, params))
        assert "result" in frame, frame
        return frame["result"]

    def tool(self, name: str, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
        """Call a tool and return its result, which is no error."""
        result = self.call("tools/call", {"name": name, "arguments": arguments})
        assert not result.get("isError"), result
        return result

    def send(self, method: str, params: Mapping[str, Any] | None = None) -> int:
        """Send a request and return its id, without waiting."""
        self._last_id += 1
        message = {"id": self._last_id, "method": method, "params": self._enveloped(params or {})}
        self._write(message)
        return self._last_id

    def notify(self, method: str, params: Mapping[str, Any] | None = None) -> None:
        """Send a notification."""
        self._write({"method": method, "params": dict(params or {})})

    def answer(self, request_id: int) -> dict[str, Any]:
        """Return the answer to a request; what comes before it is dropped."""
        while True:
            frame = self.receive()
            assert frame is not None
            if frame.get("id") == request_id:
                return frame

    def receive(self, timeout_s: float | None = None) -> dict[str, Any] | None:
        """Return the next frame; None when none came in time.

        Notifications are also kept in `notices`, each with the Unix time at which it came.
        """
        while not self._lines:
            if timeout_s is not None and not select.select([self._out], [], [], timeout_s)[0]:
                return None
            chunk = os.read(self._out, _CHUNK_BYTES)
            assert chunk, f"the server ended with {self._process.wait(5)}"
            *lines, rest = (bytes(self._unread) + chunk).split(b"\n")
            self._lines.extend(lines)
            self._unread[:] = rest
        frame: dict[str, Any] = json.loads(self._lines.popleft())
        assert frame.get("jsonrpc") == "2.0", frame
        if "id" not in frame:
            self.notices.append((time.time(), frame))
        return frame

    def greet(self) -> None:
        """Do what a client of the era does first."""
        if self.is_modern:
            self.call("server/discover")
            return
        client = {"name": "bench", "version": "1"}
        hello = {"protocolVersion": _LEGACY, "capabilities": {}, "clientInfo": client}
        self.call("initialize", hello)
        self.notify("notifications/initialized")

    def subscribe(self, uri: str) -> None:
        """Ask to be told of changes of a resource."""
        if self.is_modern:
            wanted = {"notifications": {"resourceSubscriptions": [uri]}}
            self.send("subscriptions/listen", wanted)
            while not any("acknowledged" in frame["method"] for _, frame in self.notices):
                self.receive()
        else:
            self.call("resources/subscribe", {"uri": uri})
        self.notices.clear()

    @property
    def is_modern(self) -> bool:
        """Whether every request carries the version of the protocol."""
        return self._era == "modern"

    def age_ms(self) -> float:
        """Return how long ago the process was started."""
        return (time.perf_counter() - self.born) * 1000

    def cpu_ms(self) -> float:
        """Return the CPU time used so far, children not counted."""
        stat = self._proc("stat").rsplit(")", 1)[1].split()
        return (int(stat[11]) + int(stat[12])) * 1000 / _TICKS

    def rss_mb(self) -> float:
        """Return the memory in use."""
        return int(self._proc("status").split("VmRSS:")[1].split()[0]) / 1024

    def threads(self) -> int:
        """Return the number of threads."""
        return int(self._proc("status").split("Threads:")[1].split()[0])

    def descriptors(self) -> int:
        """Return the number of open descriptors."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def close(self) -> float:
        """Close the wire and return how long the server took to end, in ms."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        began = time.perf_counter()
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()
        return (time.perf_counter() - began) * 1000

    @property
    def _out(self) -> int:
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    def _proc(self, name: str) -> str:
        return Path(f"/proc/{self.pid}/{name}").read_text(encoding="ascii")

    def _write(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        frame = json.dumps({"jsonrpc": "2.0", **message}, separators=(",", ":")).encode() + b"\n"
        left = memoryview(frame)
        while left:
            left = left[os.write(self._process.stdin.fileno(), left) :]

    def _enveloped(self, params: Mapping[str, Any]) -> dict[str, Any]:
        if not self.is_modern:
            return dict(params)
        meta = {
            f"{_META}protocolVersion": _MODERN,
            f"{_META}clientInfo": {"name": "bench", "version": "1"},
            f"{_META}clientCapabilities": {},
        }
        return {**params, "_meta": meta}


class Bench:
    """A home and a plugin of their own, and the servers that can be started on them.

    Attributes:
        folder: Where all of it lies.
    """

    def __init__(self, folder: Path, era: str) -> None:
        self.folder = folder
        self._era = era
        self._flags = ("--root", str(folder / "plugins"))
        self._env = {**os.environ, "SYNAPSE_HOME": str(folder / "home")}
        plugin = folder / "plugins" / "bench"
        plugin.mkdir(parents=True)
        (plugin / "config.yaml").write_text(_MANIFEST, encoding="utf-8")
        (plugin / "actions.py").write_text(_ACTIONS.lstrip(), encoding="utf-8")

    def start(self) -> WireServer:
        """Start our server."""
        command = [sys.executable, "-m", "synapse_mcp", *self._flags]
        return WireServer(command, self._era, self._env)

    def start_bare(self) -> WireServer:
        """Start a server of the same SDK with one tool, `echo`."""
        return WireServer([sys.executable, "-c", _BARE], self._era, self._env)

    def record(self) -> None:
        """Have the next start of our server find its answers recorded, as after an installation."""
        command = [sys.executable, "-m", "synapse_mcp", "--warm", *self._flags]
        subprocess.run(command, env=self._env, check=True, stdout=subprocess.DEVNULL)

    def forget_record(self) -> None:
        """Have the next start of our server find no recorded answers."""
        shutil.rmtree(self.folder / "home" / "cache" / "mcp-start", ignore_errors=True)


@contextmanager
def benched(era: str) -> Generator[Bench]:
    """Yield a bench whose folder is removed at the end."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        yield Bench(Path(folder), era)


def spread(samples: Sequence[float]) -> dict[str, float]:
    """Return the figures by which two servers are compared; the least is the least disturbed."""
    ordered = sorted(samples)
    return {
        "min": round(ordered[0], 3),
        "p50": round(statistics.median(ordered), 3),
        "p99": round(ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))], 3),
    }

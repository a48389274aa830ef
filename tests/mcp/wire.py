"""A server process spoken to in raw frames."""

import json
import subprocess
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["INITIALIZED", "TASKS", "TIMEOUT_S", "Start", "Wire", "hello", "modern", "request"]

TIMEOUT_S = 30
TASKS: Mapping[str, Any] = {"io.modelcontextprotocol/tasks": {}}
_META = "io.modelcontextprotocol/"


class Wire:
    """A server process, spoken to in raw frames."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process
        self.lines: list[bytes] = []

    def send(self, *frames: Mapping[str, Any] | bytes) -> None:
        """Write frames, all at once."""
        assert self.process.stdin is not None
        raw = [
            frame if isinstance(frame, bytes) else json.dumps(frame).encode() for frame in frames
        ]
        self.process.stdin.write(b"".join(line + b"\n" for line in raw))
        self.process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        """Return the next frame; an empty one at the end."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        self.lines.append(line)
        return json.loads(line)

    def ask(self, frame: Mapping[str, Any]) -> dict[str, Any]:
        """Send a request and return the answer to it; what comes before it is kept in `lines`."""
        self.send(frame)
        while True:
            answer = self.receive()
            if answer.get("id") == frame["id"]:
                return answer

    def greet(self) -> dict[str, Any]:
        """Shake hands in the last version that begins so."""
        answer = self.ask(hello())
        self.send(INITIALIZED)
        return answer

    def end(self) -> tuple[int, str]:
        """Close the wire; return the exit code and what was said on stderr."""
        out, err = self.process.communicate(timeout=TIMEOUT_S)
        self.lines += out.splitlines()
        return self.process.returncode, err.decode()

    @property
    def frames(self) -> list[dict[str, Any]]:
        """All that was received."""
        return [json.loads(line) for line in self.lines]


Start = Callable[..., Wire]

INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}


def request(number: int, method: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return a request of the handshake era."""
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": dict(params or {})}


def hello(version: str = "2025-11-25") -> dict[str, Any]:
    """Return the handshake."""
    client = {"name": "test", "version": "1"}
    params = {"protocolVersion": version, "capabilities": {}, "clientInfo": client}
    return request(0, "initialize", params)


def modern(
    number: int,
    method: str,
    params: Mapping[str, Any] | None = None,
    *,
    extensions: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a request of protocol 2026-07-28, which carries all about the client itself."""
    meta = {
        f"{_META}protocolVersion": "2026-07-28",
        f"{_META}clientInfo": {"name": "test", "version": "1"},
        f"{_META}clientCapabilities": {"extensions": dict(extensions or {})},
    }
    return request(number, method, {**(params or {}), "_meta": meta})

"""The real server over HTTP, with the fixtures of the suite mounted and the token filled in.

The suite cannot send a token. So a few lines in front of the real gate add it; nothing in the
product can be told to do without.

    python -m tests.conformance.serve_fixtures

prints the address and serves until it is told to stop.
"""

import socket
import sys
from typing import TYPE_CHECKING

import uvicorn
from mcp.server.subscriptions import InMemorySubscriptionBus

from synapse_mcp.server.assembly import build_server
from synapse_mcp.server.http import guard, seal_of
from synapse_mcp.settings import HttpSettings, parse_settings
from tests.conformance.fixtures.mounting import mount
from tests.conformance.fixtures.task_tools import MemoryTasks

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_TOKEN = "of-the-conformance-suite"


def _app() -> "ASGIApp":
    bus, tasks = InMemorySubscriptionBus(), MemoryTasks()
    server = build_server(parse_settings([]), bus=bus, seal=seal_of(_TOKEN), task_sources=(tasks,))
    mount(server, bus, tasks)
    guarded = guard(server, HttpSettings(), _TOKEN)

    async def with_token(scope: "Scope", receive: "Receive", send: "Send") -> None:
        if scope["type"] == "http":
            scope["headers"].append((b"authorization", f"Bearer {_TOKEN}".encode()))
        await guarded(scope, receive, send)

    return with_token


def _serve() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    # Whoever reads the address may connect at once: the socket queues what comes before the server.
    sys.stdout.write(f"http://127.0.0.1:{listening.getsockname()[1]}/mcp\n")
    sys.stdout.flush()
    uvicorn.Server(uvicorn.Config(_app(), log_level="error")).run(sockets=[listening])


if __name__ == "__main__":
    _serve()

"""Serves over streamable HTTP, at `/mcp`.

Nobody gets in without the token, on loopback too: any page in a browser on this machine could
otherwise reach it. Names of hosts and origins are checked by the SDK, sizes of requests as well.
"""

import contextlib
import hashlib
import hmac
import json
import os
import socket
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import uvicorn
from mcp.server import Server
from mcp.server.request_state import RequestStateSecurity
from mcp.server.transport_security import TransportSecuritySettings
from uvicorn.supervisors import Multiprocess

from synapse_core.config.home import Home
from synapse_core.config.listening import LOOPBACK_NAMES, listen_at, url_of
from synapse_core.errors import StorageError, SynapseError
from synapse_mcp.server.assembly import build_server
from synapse_mcp.server.diagnostics import log_to_stderr
from synapse_mcp.server.host import Host
from synapse_mcp.server.token import find_token
from synapse_mcp.settings import HttpSettings, Settings, parse_settings

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["build_app", "guard", "seal_of", "serve"]

_PATH = "/mcp"
_FLAGS_VARIABLE = "SYNAPSE_MCP_FLAGS"
"""How the processes of one server are told its flags."""

_MAX_BODY_BYTES = 4 << 20


def serve(http: HttpSettings, flags: Sequence[str]) -> None:
    """Serve until the process is told to stop.

    Args:
        http: How it is reached.
        flags: What that was read from, for the processes that answer.

    Raises:
        SystemExit: The token, the home or the address cannot be used.
    """
    try:
        home = Home.locate(os.environ)
        find_token(http, home.root, os.environ)
    except SynapseError as error:
        raise SystemExit(f"synapse-mcp: {error}") from error
    listening = _listen(http)
    _tell(f"listens at {url_of(listening)}{_PATH}; {_where_the_token_is(http, home)}")
    os.environ[_FLAGS_VARIABLE] = json.dumps(list(flags))
    config = uvicorn.Config(
        "synapse_mcp.server.http:app_of_this_process",
        factory=True,
        workers=http.workers,
        log_level="warning",
        access_log=False,
        server_header=False,
    )
    with contextlib.suppress(KeyboardInterrupt):  # how a person stops it
        if http.workers > 1:
            Multiprocess(config, sockets=[listening]).run()
        else:
            uvicorn.Server(config).run(sockets=[listening])


def _listen(http: HttpSettings) -> socket.socket:
    """Return a socket that takes connections from now on; they wait for the server."""
    try:
        listening = listen_at(http.host, http.port)
    except StorageError as error:
        raise SystemExit(f"synapse-mcp: {error}") from error
    listening.set_inheritable(True)  # by the processes that answer
    return listening


def _tell(text: str) -> None:
    # Standard error is where a server talks to the person who started it.
    print(f"synapse-mcp {text}", file=sys.stderr, flush=True)  # noqa: T201 (see above)


def app_of_this_process() -> "ASGIApp":
    """Return the application of one of the processes, by the flags its parent was started with."""
    log_to_stderr()
    settings = parse_settings(json.loads(os.environ[_FLAGS_VARIABLE]))
    http = settings.http or HttpSettings()
    token = find_token(http, Home.locate(os.environ).root, os.environ)
    return build_app(settings, http, token)


def build_app(settings: Settings, http: HttpSettings, token: str) -> "ASGIApp":
    """Return the application: the server behind a gate that asks for the token."""
    return guard(build_server(settings, seal=seal_of(token)), http, token)


def seal_of(token: str) -> RequestStateSecurity:
    """Return what protects questions on their way through the client.

    It is the same in each process that has the token, since an answer may come to another one.
    """
    key = hashlib.sha256(b"synapse request state\0" + token.encode()).digest()
    return RequestStateSecurity(keys=[key])


def guard(server: Server[Host], http: HttpSettings, token: str) -> "ASGIApp":
    """Return an application that lets those reach the server who send the token."""
    names = [*LOOPBACK_NAMES, *http.allowed_hosts]
    app = server.streamable_http_app(
        streamable_http_path=_PATH,
        host=http.host,
        # A session of the handshake era lives in one process; with several there are none.
        stateless_http=http.workers > 1,
        max_request_body_size=_MAX_BODY_BYTES,
        transport_security=TransportSecuritySettings(
            allowed_hosts=[*names, *(f"{name}:*" for name in names)],
            allowed_origins=[
                f"{scheme}://{name}{port}"
                for scheme in ("http", "https")
                for name in names
                for port in ("", ":*")
            ],
        ),
    )
    return _Gate(app, token)


def _where_the_token_is(http: HttpSettings, home: Home) -> str:
    where = http.token_file or home.root / "mcp-token"
    return f"clients send the token in {where} as `Authorization: Bearer TOKEN`."


class _Gate:
    """Lets requests with the token pass, and answers the others with 401."""

    def __init__(self, app: "ASGIApp", token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        if scope["type"] == "http" and not self._may_pass(scope):
            await _refuse(send)
            return
        await self._app(scope, receive, send)

    def _may_pass(self, scope: "Scope") -> bool:
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        return len(given) == 1 and hmac.compare_digest(given[0], self._expected)


async def _refuse(send: "Send") -> None:
    body = json.dumps(
        {
            "jsonrpc": "2.0",
            "id": None,
            "error": {
                "code": -32001,
                "message": "The token is missing or wrong. Send `Authorization: Bearer TOKEN`; the "
                "server says at its start where the token is kept.",
            },
        }
    ).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"www-authenticate", b'Bearer realm="synapse-mcp"'),
    ]
    await send({"type": "http.response.start", "status": 401, "headers": headers})
    await send({"type": "http.response.body", "body": body})

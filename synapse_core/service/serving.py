"""Serves a workspace of this machine until the process is told to stop."""

import resource
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from synapse_core.config.home import Home
from synapse_core.config.listening import (
    check_token,
    find_own_token,
    is_loopback,
    listen_at,
    url_of,
)
from synapse_core.config.secret_file import read_secret
from synapse_core.errors import ConfigError
from synapse_core.service.application import Service, build_service
from synapse_core.service.limits import Limits
from synapse_core.service.scopes import Scope, Tokens
from synapse_core.workspace import Workspace

__all__ = ["TOKEN_VARIABLE", "Address", "Server", "find_tokens", "make_server", "token_file"]

TOKEN_VARIABLE = "SYNAPSE_SERVICE_TOKEN"  # noqa: S105 - the name of the variable, not a token

_GRACE_S = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the service is reached, and under which names.

    Attributes:
        host: Address to listen at.
        port: Port; 0 for any free one.
        allowed_hosts: Names by which clients reach it besides those of loopback.
    """

    host: str = "127.0.0.1"
    port: int = 8100
    allowed_hosts: tuple[str, ...] = ()


def token_file(home: Home) -> Path:
    """Return where the token is kept that is made when the user gives none."""
    return home.root / "service-token"


def find_tokens(
    address: Address,
    home: Home,
    environ: Mapping[str, str],
    *,
    token: str | None = None,
    file: Path | None = None,
) -> Tokens:
    """Return what opens the service.

    Args:
        address: Where it listens.
        home: Where a token is made and kept, on loopback, when none is given.
        environ: Variables of the process.
        token: A token of scope `admin`.
        file: File with a line `TOKEN` or `SCOPE TOKEN` for each token.

    Raises:
        ConfigError: Other machines are let in without a token of the user's own or without a
            name, or a token is too short.
        StorageError: The file cannot be read or written.
    """
    if not is_loopback(address.host) and not address.allowed_hosts:
        raise ConfigError(
            f"--host {address.host} lets other machines in, but not under which name.",
            hint="Add --allow-host NAME, the name or address that clients use.",
        )
    if token is not None:
        return Tokens([(check_token(token, "--token"), Scope.ADMIN)])
    if file is not None:
        return Tokens.parse(read_secret(file), str(file))
    own = find_own_token(
        address.host,
        file=None,
        variable=TOKEN_VARIABLE,
        made=token_file(home),
        environ=environ,
    )
    return Tokens([(own, Scope.ADMIN)])


class Server(uvicorn.Server):
    """Serves a workspace of this machine; made by `make_server`.

    Attributes:
        url: Where clients reach it.
    """

    def __init__(
        self,
        service: Service,
        listener: socket.socket,
        url: str,
        announce: Callable[[str], None] | None,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                service.app,
                log_level="warning",
                access_log=False,
                server_header=False,
                lifespan="on",
                timeout_graceful_shutdown=_GRACE_S,
            )
        )
        self.url = url
        self._service = service
        self._listener = listener
        self._announce = announce

    def serve_until_told(self) -> None:
        """Serve until SIGINT, SIGTERM or `stop`.

        Open streams are ended then, and their clients come back with what they have seen.
        """
        with self._listener:
            self.run(sockets=[self._listener])

    def stop(self) -> None:
        """Have it end soon; called by another thread."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve, and tell that clients can connect."""
        await super().startup(sockets)
        if self.started and self._announce is not None:
            self._announce(self.url)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams before waiting for clients to leave."""
        self._service.desk.following.leave()
        await super().shutdown(sockets)


def make_server(
    workspace: Workspace,
    address: Address,
    tokens: Tokens,
    *,
    limits: Limits | None = None,
    announce: Callable[[str], None] | None = None,
) -> Server:
    """Return a server that listens already.

    Args:
        workspace: What is served.
        address: Where.
        tokens: What opens it.
        limits: What a client may do; None for the usual.
        announce: Called with the URL once clients are served.

    Raises:
        StorageError: The address cannot be listened at.
    """
    _allow_many_files()
    listener = listen_at(address.host, address.port)
    service = build_service(workspace, tokens, limits=limits, allowed_hosts=address.allowed_hosts)
    return Server(service, listener, url_of(listener), announce)


def _allow_many_files() -> None:
    """Raise the limit on open files: each follower holds one, and the usual limit is 1,024."""
    if sys.platform == "win32":
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

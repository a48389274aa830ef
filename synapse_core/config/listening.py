"""The rules of whatever listens at an address: who may reach it, and with which token."""

import ipaddress
import socket
from collections.abc import Mapping
from pathlib import Path

from synapse_core.config.secret_file import make_or_read_secret, read_secret
from synapse_core.errors import ConfigError, StorageError

__all__ = [
    "LOOPBACK_NAMES",
    "MIN_TOKEN_CHARS",
    "check_token",
    "find_own_token",
    "is_loopback",
    "listen_at",
    "url_of",
]

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
"""Names in a `Host` header by which only programs of this machine reach it."""

MIN_TOKEN_CHARS = 16
"""128 bits as hexadecimal digits would be 32; less than 16 characters is a guessable word."""


_BACKLOG = 2048
"""Connections that wait until the server takes them."""


def listen_at(host: str, port: int) -> socket.socket:
    """Return a socket that takes connections from now on; they wait for a server.

    Args:
        host: Name or address of this machine.
        port: Port; 0 for any free one.

    Raises:
        StorageError: The address cannot be had.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        # Of a socket whose protocol is not named, asyncio does not know that it is TCP, and leaves
        # small answers waiting 40 ms for others to go with them.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        raise StorageError(
            f"Cannot listen at {host}, port {port}: {error.strerror}.",
            hint="Choose another one with --port, or end what listens there.",
            port=port,
        ) from error
    return listener


def url_of(listener: socket.socket) -> str:
    """Return the URL by which this machine reaches what listens."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine can reach what listens at `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_token(token: str, where: str) -> str:
    """Return the token.

    Args:
        token: What was given.
        where: Where it came from, for the message; the token itself is never shown.

    Raises:
        ConfigError: It is too short to be safe, or cannot stand in a header.
    """
    if len(token) < MIN_TOKEN_CHARS or not token.isascii() or any(map(str.isspace, token)):
        raise ConfigError(
            f"The token in {where} is no token of at least {MIN_TOKEN_CHARS} characters.",
            hint="Make one: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'",
        )
    return token


def find_own_token(
    host: str, *, file: Path | None, variable: str, made: Path, environ: Mapping[str, str]
) -> str:
    """Return the token that clients must send.

    Args:
        host: Address that is listened at.
        file: File with the token, where the user names one.
        variable: Variable that may hold it instead.
        made: Where one is made and kept when the user gives none, on loopback only.
        environ: Variables of the process.

    Raises:
        ConfigError: Other machines are let in without a token of the user's own, or it is too
            short.
        StorageError: The file cannot be read or written.
    """
    if file is not None:
        return check_token(read_secret(file), str(file))
    if variable in environ:
        return check_token(environ[variable].strip(), variable)
    if not is_loopback(host):
        raise ConfigError(
            f"--host {host} lets other machines in, and no token is set.",
            hint=f"Set {variable} or name a file with --token-file. Clients send it as "
            "`Authorization: Bearer TOKEN`; put a proxy with TLS in front.",
        )
    return check_token(make_or_read_secret(made), str(made))

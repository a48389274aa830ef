"""What every request passes before anything looks at what it asks for."""

import hmac
import logging
from collections.abc import Collection, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from synapse_core.config.listening import LOOPBACK_NAMES
from synapse_core.errors import (
    RateLimitedError,
    RefusedError,
    SynapseError,
    TooLargeError,
    UnauthorizedError,
)
from synapse_core.service.limits import Limits, Meter
from synapse_core.service.problems import problem_response
from synapse_core.service.scopes import Scope, Tokens

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Send

__all__ = ["OPEN_PATHS", "Gate"]

OPEN_PATHS = frozenset({"/health", "/ready"})
"""Answered without a token: they tell nothing but that the service is there."""

_log = logging.getLogger(__name__)

_Scope = MutableMapping[str, Any]


class Gate:
    """Lets a request pass that comes by a known name, with a known token, often and large enough.

    Any page in a browser on this machine could otherwise reach a service on loopback, under a name
    of its own choice.

    Args:
        app: What is behind the gate; it finds the scope of the token at `scope["synapse.scope"]`.
        tokens: What opens it.
        limits: What a client may do.
        allowed_hosts: Names by which clients reach the service besides those of loopback, as
            `name` or `name:port`.
    """

    def __init__(
        self, app: "ASGIApp", tokens: Tokens, limits: Limits, allowed_hosts: Sequence[str] = ()
    ) -> None:
        self._app = app
        self._tokens = tokens
        self._limits = limits
        self._hosts = frozenset(name.lower() for name in (*LOOPBACK_NAMES, *allowed_hosts))
        self._requests = Meter(limits.requests_per_s, limits.burst)
        self._strangers = Meter(limits.wrong_tokens_per_s, limits.wrong_tokens_burst)

    async def __call__(self, scope: _Scope, receive: "Receive", send: "Send") -> None:
        """Let the request pass, or answer why not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # A copy: the server goes on using its own, and cannot quote what is no text.
        scope = {**scope, "path": _path(scope)}
        try:
            self._check_name(scope)
            if scope["path"] not in OPEN_PATHS:
                scope["synapse.scope"] = self._check_token(scope)
            body = self._bounded(scope, receive)
        except SynapseError as error:
            await problem_response(error)(scope, receive, send)
            return
        await self._app(scope, body, send)

    def _check_name(self, scope: _Scope) -> None:
        hosts = _headers(scope, b"host")
        if len(hosts) != 1 or not _is_known(hosts[0], self._hosts):
            raise RefusedError(
                "The service is not known by the name in the Host header.",
                hint="Start it with --allow-host NAME.",
            )
        for origin in _headers(scope, b"origin"):
            if not _is_known(urlsplit(origin).netloc, self._hosts):
                raise RefusedError(
                    "Pages of other origins may not use this service.",
                    hint="Start it with --allow-host NAME of the page's origin.",
                )

    def _check_token(self, scope: _Scope) -> Scope:
        address = str((scope.get("client") or ("",))[0])
        given = _headers(scope, b"authorization")
        kind, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        found = (
            self._tokens.find(token.strip())
            if hmac.compare_digest(kind.lower().encode(), b"bearer")
            else None
        )
        if found is None:
            wait_s = self._strangers.take(address)
            if wait_s > 0:
                raise _too_often(wait_s)
            raise UnauthorizedError(
                "The token is missing or wrong.",
                hint="Send `Authorization: Bearer TOKEN`; the service says at its start where "
                "its token is kept.",
            )
        wait_s = self._requests.take(found[1])
        if wait_s > 0:
            raise _too_often(wait_s)
        return found[0]

    def _bounded(self, scope: _Scope, receive: "Receive") -> "Receive":
        """Return what receives the body, up to the largest size there may be.

        Raises:
            TooLargeError: The body is announced to be larger.
        """
        most = self._limits.max_body_bytes
        announced = _headers(scope, b"content-length")
        if announced and int(announced[0]) > most:
            raise _too_large(most)
        received = 0

        async def bounded() -> "Message":
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > most:
                raise _too_large(most)
            return message

        return bounded


def _path(scope: _Scope) -> str:
    """Return the path that is asked for; a slash at its end means nothing.

    Decoded here, because names of runs may hold what is no text, which servers replace.
    """
    raw: bytes = scope.get("raw_path") or scope["path"].encode("utf-8", "surrogatepass")
    path = unquote(raw.split(b"?")[0].decode("latin-1"), errors="surrogatepass")
    return path.rstrip("/") or "/"


def _headers(scope: _Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


def _is_known(host: str, known: Collection[str]) -> bool:
    host = host.lower()
    name = host.rsplit(":", 1)[0] if host.rpartition(":")[2].isdigit() else host
    return host in known or name in known


def _too_often(wait_s: float) -> RateLimitedError:
    return RateLimitedError(
        "Too many requests came.",
        hint=f"Ask again in {wait_s:.1f} s.",
        retry_after_s=round(wait_s, 3),
    )


def _too_large(most: int) -> TooLargeError:
    return TooLargeError(
        f"The request is larger than {most} bytes.",
        hint="Send less at once, or start the service with a larger --max-body.",
        max_bytes=most,
    )

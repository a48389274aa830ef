"""Talks to one service over HTTP: token, retries, errors, streams."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from types import TracebackType
from typing import Self, cast

import httpx2

from synapse_core.clients.call import Call, QueryValue, pause_s
from synapse_core.clients.problem import error_of, is_passing, retry_after_s, unreachable
from synapse_core.clients.sse import EventParser, SentEvent
from synapse_core.errors import SynapseError
from synapse_core.types import JSONObject, JSONValue

__all__ = ["AsyncSession"]

_NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
"""The service surely knows nothing of the request."""

_PATIENCE_S = 300.0
"""How long a stream that broke off is asked for again."""

_SILENT_S = 45.0
"""A stream says every 15 s that it is there; one that is silent for so long is lost."""


class AsyncSession:
    """A connection to a service; safe to use from any number of tasks.

    Args:
        url: Address of the service.
        token: Secret that opens it; None for none.
        timeout_s: Seconds to wait for an answer.
        patience_s: Seconds after which a call that failed is not made again.
        connections: How many calls may be made at once.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        timeout_s: float = 30.0,
        patience_s: float = 3.0,
        connections: int = 100,
    ) -> None:
        self.url = url.rstrip("/")
        self._timeout_s = timeout_s
        self._patience_s = patience_s
        headers = {"Accept": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        self._client = httpx2.AsyncClient(
            headers=headers,
            timeout=httpx2.Timeout(timeout_s, connect=min(5.0, timeout_s)),
            limits=httpx2.Limits(
                max_connections=connections, max_keepalive_connections=connections
            ),
        )

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def call(self, call: Call) -> JSONObject:
        """Make the call and return what was answered; an empty answer is an empty object.

        Made again, with growing pauses, where that does no harm.

        Raises:
            StoreUnavailableError: The service cannot be reached, or cannot work.
            SynapseError: What the service refused, as the error that it was there.
        """
        until = time.monotonic() + self._patience_s
        failures = 0
        while True:
            failures += 1
            error, wait_s = await self._try(call)
            if isinstance(error, dict):
                return error
            if wait_s is None or time.monotonic() + wait_s > until:
                raise error
            await asyncio.sleep(max(wait_s, pause_s(failures)))

    async def download(self, call: Call) -> AsyncGenerator[bytes]:
        """Yield the pieces of a file.

        Raises:
            StoreUnavailableError: The service cannot be reached, or the connection broke.
            SynapseError: What the service refused.
        """
        try:
            async with self._client.stream(call.method, self.url + call.target) as answer:
                if answer.status_code >= 400:  # noqa: PLR2004 - where errors begin
                    raise error_of(answer.status_code, await answer.aread(), self.url)
                async for piece in answer.aiter_bytes():
                    yield piece
        except httpx2.TransportError as error:
            raise unreachable(self.url, error) from error

    async def follow(
        self, path: str, *, after: str | None = None, query: dict[str, QueryValue] | None = None
    ) -> AsyncGenerator[SentEvent]:
        """Yield the events of a stream, until the one called `end`.

        When the connection breaks, it is made again, and goes on behind the last event that was
        received: none is lost, none comes twice.

        Args:
            path: Path of the stream.
            after: Id of the last event seen; None for the beginning.
            query: Query parameters.

        Raises:
            StoreUnavailableError: The service could not be reached for minutes.
            SynapseError: What the service refused, or told in the stream.
        """
        failures, heard = 0, time.monotonic()
        while True:
            stream = self._stream(path, after, query or {})
            try:
                async with aclosing(stream):
                    async for event in stream:
                        failures, heard = 0, time.monotonic()
                        if event.event == "end":
                            return
                        after = event.id or after
                        yield event
            except httpx2.TransportError as error:
                # The service was started anew, or the network is gone for a while.
                if time.monotonic() - heard > _PATIENCE_S:
                    raise unreachable(self.url, error) from error
            except _PassingError as error:
                await asyncio.sleep(error.wait_s or 0)
            failures += 1
            await asyncio.sleep(pause_s(failures))

    async def _stream(
        self, path: str, after: str | None, query: dict[str, QueryValue]
    ) -> AsyncGenerator[SentEvent]:
        headers = {"Accept": "text/event-stream"}
        if after is not None:
            headers["Last-Event-ID"] = after
        url = self.url + Call(method="GET", path=path, query=query).target
        timeout = httpx2.Timeout(self._timeout_s, read=_SILENT_S)
        async with self._client.stream("GET", url, headers=headers, timeout=timeout) as answer:
            if answer.status_code >= 400:  # noqa: PLR2004 - where errors begin
                error = error_of(answer.status_code, await answer.aread(), self.url)
                if is_passing(answer.status_code):
                    raise _PassingError(retry_after_s(answer.headers.get("retry-after")))
                raise error
            parser = EventParser()
            async for piece in answer.aiter_bytes():
                for event in parser.feed(piece):
                    if event.event == "problem":
                        raise error_of(500, event.data.encode(), self.url)
                    yield event

    async def _try(self, call: Call) -> tuple[JSONObject | SynapseError, float | None]:
        """Return the answer, or the error with the seconds after which a new try makes sense."""
        try:
            answer = await self._send(call)
        except httpx2.TransportError as error:
            may_repeat = call.repeats or isinstance(error, _NEVER_SENT)
            return unreachable(self.url, error), 0.0 if may_repeat else None
        if answer.status_code < 400:  # noqa: PLR2004 - where errors begin
            return _document(answer.content), None
        error = error_of(answer.status_code, answer.content, self.url)
        wait_s = retry_after_s(answer.headers.get("retry-after"))
        if answer.status_code == 429:  # noqa: PLR2004 - too many requests: nothing was done
            return error, wait_s or 0.0
        may_repeat = is_passing(answer.status_code) and call.repeats
        return error, (wait_s or 0.0) if may_repeat else None

    async def _send(self, call: Call) -> httpx2.Response:
        content = call.content
        if call.body is not None:
            content = json.dumps(call.body).encode("ascii")
        headers = {} if content is None else {"Content-Type": call.media_type}
        timeout = httpx2.Timeout(
            self._timeout_s + call.timeout_s, connect=min(5.0, self._timeout_s)
        )
        return await self._client.request(
            call.method, self.url + call.target, content=content, headers=headers, timeout=timeout
        )


class _PassingError(Exception):
    """The service cannot serve the stream now."""

    def __init__(self, wait_s: float | None) -> None:
        super().__init__(wait_s)
        self.wait_s = wait_s


def _document(content: bytes) -> JSONObject:
    if not content:
        return {}
    value = cast("JSONValue", json.loads(content))
    return value if isinstance(value, dict) else {"value": value}

"""Tells clients that a run or its log has changed, as long as somebody wants to know.

A notice is a cue without content and is not repeated: who gets one reads the resource again, from
the cursor it has. So it is enough that the last change is told, and notices of one resource are at
least a second apart.
"""

import logging
import re
from collections import Counter
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import anyio
from mcp.server import ServerRequestContext
from mcp.server.session import ServerSession
from mcp.server.subscriptions import ListenHandler, ResourceUpdated, SubscriptionBus
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    EmptyResult,
    SubscribeRequestParams,
    SubscriptionFilter,
    SubscriptionsListenRequestParams,
    SubscriptionsListenResult,
    UnsubscribeRequestParams,
)

from synapse_core.errors import SynapseError
from synapse_core.operations.logs import end_of_log, wait_change
from synapse_core.operations.runs import find_run
from synapse_mcp.errors import clip, error_text
from synapse_mcp.server.host import Host

__all__ = ["Subscriptions"]

_LOGGER = logging.getLogger(__name__)

_Context = ServerRequestContext[Host, Any]

_RUN_URI = re.compile(r"run://(?P<run>[^/?#]+)(?P<log>/log(?:\?[^#]*)?)?")

_APART_S = 1.0
"""Between two notices of one resource."""

_SLICE_S = 1.0
"""A wait is made of short ones, so that one given up leaves no thread behind for long."""

_MAX_LEGACY = 1000
"""Subscriptions kept for handshake-era clients, which may leave without a word; the oldest go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Start:
    """What is watched, and after which event.

    Attributes:
        run_id: Whose changes are told.
        cursor: The last event that needs not be told any more.
        is_log: Whether only lines of the log count as a change.
    """

    run_id: str
    cursor: str
    is_log: bool


class Subscriptions:
    """Who wants to know of what, and the watching that this takes.

    Args:
        bus: Where changes are published; it reaches clients of protocol 2026-07-28 by itself.
    """

    def __init__(self, bus: SubscriptionBus) -> None:
        self._bus = bus
        self._listen = ListenHandler(bus)
        self._wanted: Counter[str] = Counter()
        self._legacy: dict[tuple[str, int], ServerSession] = {}
        self._watches: dict[str, anyio.CancelScope] = {}

    async def listen(
        self, context: _Context, params: SubscriptionsListenRequestParams
    ) -> SubscriptionsListenResult:
        """Serve `subscriptions/listen`: until the client ends it.

        Resources that cannot be read are not watched, and left out of what is acknowledged.
        """
        wanted = params.notifications
        uris = await self._readable(context, wanted.resource_subscriptions or ())
        honoured = SubscriptionFilter(
            tools_list_changed=wanted.tools_list_changed,
            prompts_list_changed=wanted.prompts_list_changed,
            resources_list_changed=wanted.resources_list_changed,
            resource_subscriptions=list(uris) or None,
        )
        async with self._interest(context.lifespan_context, uris):
            return await self._listen(
                context, params.model_copy(update={"notifications": honoured})
            )

    async def subscribe(self, context: _Context, params: SubscribeRequestParams) -> EmptyResult:
        """Serve `resources/subscribe` of clients that began with a handshake.

        Raises:
            MCPError: There is nothing to be told of at this URI.
        """
        uri = str(params.uri)
        start = await self._start_of(context.lifespan_context, uri)
        key = (uri, id(context.session.client_params))
        if key not in self._legacy:
            self._want(context.lifespan_context, uri, start)
        self._legacy[key] = context.session
        while len(self._legacy) > _MAX_LEGACY:
            self._forget(next(iter(self._legacy)))
        return EmptyResult()

    async def unsubscribe(self, context: _Context, params: UnsubscribeRequestParams) -> EmptyResult:
        """Serve `resources/unsubscribe`; what was not subscribed to is no error."""
        key = (str(params.uri), id(context.session.client_params))
        if key in self._legacy:
            self._forget(key)
        return EmptyResult()

    def _forget(self, key: tuple[str, int]) -> None:
        del self._legacy[key]
        self._unwant(key[0])

    @asynccontextmanager
    async def _interest(self, host: Host, uris: dict[str, _Start]) -> AsyncGenerator[None]:
        for uri, start in uris.items():
            self._want(host, uri, start)
        try:
            yield
        finally:
            for uri in uris:
                self._unwant(uri)

    def _want(self, host: Host, uri: str, start: _Start) -> None:
        self._wanted[uri] += 1
        if self._wanted[uri] == 1:
            scope = self._watches[uri] = anyio.CancelScope()
            host.tasks.start_soon(self._watch, host, uri, start, scope)

    def _unwant(self, uri: str) -> None:
        self._wanted[uri] -= 1
        if self._wanted[uri] <= 0:
            del self._wanted[uri]
            self._watches.pop(uri).cancel()

    async def _watch(self, host: Host, uri: str, start: _Start, scope: anyio.CancelScope) -> None:
        with scope:
            try:
                await self._tell_changes(host, uri, start)
            except SynapseError as error:
                # The run was deleted, or its home cannot be read: who asks for it is told why.
                _LOGGER.info("Nothing more is told of %s: %s", uri, error)

    async def _tell_changes(self, host: Host, uri: str, start: _Start) -> None:
        workspace = await host.workspace()
        cursor = start.cursor
        while True:
            wait = partial(wait_change, workspace, start.run_id, cursor, timeout_s=_SLICE_S)
            change = await host.waiting(wait)
            cursor = change.cursor
            # The end is told in any case: what was told last may have been read just before it.
            if change.is_end or (change.has_lines if start.is_log else change.has_events):
                await self._publish(uri)
            if change.is_end:
                return
            if change.has_events:
                await anyio.sleep(_APART_S)

    async def _publish(self, uri: str) -> None:
        await self._bus.publish(ResourceUpdated(uri=uri))
        for (legacy_uri, _), session in list(self._legacy.items()):
            if legacy_uri == uri:
                await session.send_resource_updated(uri)

    async def _readable(self, context: _Context, uris: Iterable[str]) -> dict[str, _Start]:
        found: dict[str, _Start] = {}
        for uri in uris:
            try:
                found[uri] = await self._start_of(context.lifespan_context, uri)
            except MCPError as error:
                _LOGGER.info("Not watched: %s", error)
        return found

    async def _start_of(self, host: Host, uri: str) -> _Start:
        """Return what is watched, and from where: what is written from now on will be told."""
        match = _RUN_URI.fullmatch(uri)
        if match is None:
            raise MCPError(
                code=INVALID_PARAMS,
                message=f"Nothing is told of {clip(uri, 200)!r}. Runs and their logs can be "
                "subscribed to: run://RUN_ID and run://RUN_ID/log.",
            )
        try:
            workspace = await host.workspace()
            run_id = await host.blocking(partial(find_run, workspace, match["run"]))
            cursor = await host.blocking(partial(end_of_log, workspace, run_id))
        except SynapseError as error:
            raise MCPError(code=INVALID_PARAMS, message=error_text(error)) from error
        return _Start(run_id=run_id, cursor=cursor, is_log=match["log"] is not None)

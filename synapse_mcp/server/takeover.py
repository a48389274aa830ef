"""Takes a connection over from the front: what the client was told already is not told again."""

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from mcp.server.subscriptions import (
    PromptsListChanged,
    ResourcesListChanged,
    ServerEvent,
    SubscriptionBus,
    ToolsListChanged,
)
from mcp.shared._stream_protocols import WriteStream
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCNotification, JSONRPCResponse, RequestId

from synapse_mcp.front.receptionist import Handover
from synapse_mcp.front.record import Record

__all__ = ["QuietStart", "tell_changes"]

_ACKNOWLEDGED = "notifications/subscriptions/acknowledged"
_SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"

_KINDS: Mapping[str, tuple[str, ServerEvent]] = {
    "tools/list": ("tools", ToolsListChanged()),
    "prompts/list": ("prompts", PromptsListChanged()),
    "resources/list": ("resources", ResourcesListChanged()),
    "resources/templates/list": ("resources", ResourcesListChanged()),
}


class QuietStart:
    """Passes messages to the client, but for second answers to what the front has answered."""

    def __init__(self, inner: WriteStream[SessionMessage], handover: Handover) -> None:
        self._inner = inner
        self._answered: set[RequestId] = set(handover.answered)

    async def send(self, item: SessionMessage, /) -> None:
        """Send the message, unless the client has it already."""
        if self._answered and self._is_second_answer(item):
            return
        await self._inner.send(item)

    def _is_second_answer(self, item: SessionMessage) -> bool:
        message = item.message
        match message:
            case JSONRPCResponse(id=request_id):
                key = request_id
            case JSONRPCNotification(method=method, params={"_meta": {**meta}}) if (
                method == _ACKNOWLEDGED
            ):
                key = meta.get(_SUBSCRIPTION)
            case _:
                return False
        if key not in self._answered:
            return False
        self._answered.discard(key)
        return True

    async def aclose(self) -> None:
        """Close the stream to the client."""
        await self._inner.aclose()

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> bool | None:
        return await self._inner.__aexit__(exc_type, exc_val, exc_tb)


async def tell_changes(
    handover: Handover, truth: Record, writer: QuietStart, bus: SubscriptionBus
) -> None:
    """Tell the client which of the lists it got from the record are not what they should be."""
    wrong = {
        _KINDS[method]
        for method, text in handover.was_recorded.items()
        if method in _KINDS and text not in _versions_of(truth, method)
    }
    for kind, event in sorted(wrong, key=lambda one: one[0]):
        # Only one of the two finds a listener: a client of either era has its own way.
        if "initialize" in handover.was_recorded:
            method = f"notifications/{kind}/list_changed"
            await writer.send(SessionMessage(JSONRPCNotification(jsonrpc="2.0", method=method)))
        await bus.publish(event)


def _versions_of(truth: Record, method: str) -> set[str]:
    return {
        answers[method]
        for answers in (*truth.handshakes.values(), *truth.modern.values())
        if method in answers
    }

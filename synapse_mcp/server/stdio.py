"""Serves over a pair of file descriptors."""

import gc
import logging
from collections.abc import Sequence

import anyio
from mcp.server.subscriptions import InMemorySubscriptionBus

from synapse_mcp.front.receptionist import Handover
from synapse_mcp.server.assembly import build_server, initialization_options
from synapse_mcp.server.diagnostics import log_to_stderr
from synapse_mcp.server.recording import keep_record, was_right
from synapse_mcp.server.takeover import QuietStart, tell_changes
from synapse_mcp.server.wire import FramesIn, FramesOut
from synapse_mcp.settings import Settings

__all__ = ["serve"]

_LOGGER = logging.getLogger(__name__)

_SETTLED_S = 1.0
"""What the first calls need not wait for is done so long after the start."""


def serve(
    settings: Settings, flags: Sequence[str], handover: Handover, *, read_fd: int, write_fd: int
) -> None:
    """Serve one client until it closes its end.

    Args:
        settings: What to offer.
        flags: What the settings were read from; the record for the next start is kept by them.
        handover: What the front left of the conversation.
        read_fd: Descriptor of the client's frames.
        write_fd: Descriptor that carries our frames and nothing else.
    """
    log_to_stderr()
    try:
        anyio.run(_serve, settings, tuple(flags), handover, read_fd, write_fd)
    except* BrokenPipeError:
        _LOGGER.info("The client has gone")


async def _serve(
    settings: Settings, flags: tuple[str, ...], handover: Handover, read_fd: int, write_fd: int
) -> None:
    bus = InMemorySubscriptionBus()
    server = build_server(settings, bus=bus)
    out = FramesOut(write_fd)
    reader = FramesIn(handover, read_fd, out)
    quiet = QuietStart(out, handover)

    is_recorded = False

    async def look_after_record() -> None:
        nonlocal is_recorded
        await anyio.sleep(_SETTLED_S)
        _collect_again()
        if handover.was_recorded and await was_right(server, settings, handover):
            return
        truth = await keep_record(server, settings, flags)
        is_recorded = True
        await tell_changes(handover, truth, quiet, bus)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(out.pump)
        tasks.start_soon(look_after_record)
        await server.run(reader, quiet, initialization_options(server))
        tasks.cancel_scope.cancel()
    if not is_recorded and not handover.was_recorded:
        await keep_record(server, settings, flags)  # a short visit, without a record to start from


def _collect_again() -> None:
    """Collect garbage as usual, after a start that did not.

    What the start made stays, and is not looked through even now: that takes a tenth of a second,
    in which nobody would be served. That it never is makes all collections short.
    """
    gc.freeze()
    gc.enable()

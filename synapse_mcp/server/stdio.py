"""Serves over a pair of file descriptors."""

import io
import logging
import os
import sys

import anyio
from mcp.server import Server
from mcp.server.stdio import stdio_server

from synapse_mcp.server.assembly import build_server
from synapse_mcp.server.host import Host
from synapse_mcp.settings import Settings

__all__ = ["serve"]

_LOGGER = logging.getLogger(__name__)


def serve(settings: Settings, *, read_fd: int, write_fd: int) -> None:
    """Serve one client until it closes its end.

    Args:
        settings: What to offer.
        read_fd: Descriptor of the client's frames.
        write_fd: Descriptor that carries our frames and nothing else.
    """
    # Diagnostics go to stderr, the only place left for them.
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
    )
    server = build_server(settings)
    try:
        anyio.run(_serve, server, read_fd, write_fd)
    except* BrokenPipeError:
        _LOGGER.info("The client has gone")


async def _serve(server: Server[Host], read_fd: int, write_fd: int) -> None:
    # The descriptors stay open to the end of the process: a thread may still block on one.
    frames_in = io.TextIOWrapper(
        os.fdopen(read_fd, "rb", closefd=False), encoding="utf-8", errors="replace"
    )
    frames_out = io.TextIOWrapper(os.fdopen(write_fd, "wb", closefd=False), encoding="utf-8")
    streams = stdio_server(anyio.wrap_file(frames_in), anyio.wrap_file(frames_out))
    async with streams as (reader, writer):
        await server.run(reader, writer, server.create_initialization_options())

"""Messages between a replica and the process that holds the action: JSON behind its length."""

import asyncio
import json
import socket
import struct
from typing import BinaryIO

from synapse_core.types import JSONObject

__all__ = ["pack", "read_frame", "read_frame_async", "send_frame"]

_HEAD = struct.Struct(">I")


def pack(message: JSONObject) -> bytes:
    """Return the message as it is sent."""
    body = json.dumps(message, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return _HEAD.pack(len(body)) + body


def send_frame(connection: socket.socket, message: JSONObject) -> None:
    """Send a message; blocks until it is sent."""
    connection.sendall(pack(message))


def read_frame(stream: BinaryIO) -> JSONObject | None:
    """Return the next message; None when the other side is gone."""
    head = stream.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    body = stream.read(_HEAD.unpack(head)[0])
    return _parse(body) if len(body) == _HEAD.unpack(head)[0] else None


async def read_frame_async(reader: asyncio.StreamReader) -> JSONObject | None:
    """Return the next message; None when the other side is gone."""
    try:
        head = await reader.readexactly(_HEAD.size)
        return _parse(await reader.readexactly(_HEAD.unpack(head)[0]))
    except (asyncio.IncompleteReadError, ConnectionResetError):
        return None


def _parse(body: bytes) -> JSONObject:
    message: JSONObject = json.loads(body.decode("utf-8", "surrogatepass"))
    return message

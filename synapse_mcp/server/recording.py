"""Records what the server answers to questions whose answers never change."""

import contextlib
import json
import logging
import os
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import anyio
from mcp.server import Server
from mcp.server.runner import serve_dual_era_loop
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCNotification, JSONRPCRequest, JSONRPCResponse
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS

from synapse_mcp.front.key import record_key, record_path
from synapse_mcp.front.receptionist import Handover
from synapse_mcp.front.record import LISTS, Answers, Record, load_record, store_record
from synapse_mcp.server.assembly import build_server, initialization_options
from synapse_mcp.server.host import Host
from synapse_mcp.settings import Settings, parse_settings

__all__ = ["keep_record", "warm_record", "was_right"]

_LOGGER = logging.getLogger(__name__)

_MAX_RECORDS = 40
"""Each set of flags and each version leaves one of about 100 kB; older ones are removed."""

_VERSIONS = frozenset((*HANDSHAKE_PROTOCOL_VERSIONS, *MODERN_PROTOCOL_VERSIONS))

_CLIENT: Mapping[str, Any] = {"name": "synapse", "version": "0"}


def warm_record(flags: Sequence[str]) -> Path:
    """Record the answers for a server with these flags, and return the file.

    Raises:
        OSError: It cannot be written.
        SystemExit: The flags are wrong.
    """
    settings = parse_settings(flags)
    record = anyio.run(_record_answers, build_server(settings), settings)
    return _store(record, flags)


async def was_right(server: Server[Host], settings: Settings, handover: Handover) -> bool:
    """Whether the server itself answers what the client got from the record.

    Asks only what the client asked, in its version: that saves a tenth of a second at nearly every
    start, and memory.
    """
    lists = [method for method in LISTS if method in handover.was_recorded]
    record = await _record_answers(server, settings, {handover.version}, lists)
    answers = {**record.handshakes, **record.modern}.get(handover.version, {})
    return handover.was_recorded.items() <= answers.items()


async def keep_record(server: Server[Host], settings: Settings, flags: Sequence[str]) -> Record:
    """Return what the server answers, and keep it for the next start when it is new."""
    record = await _record_answers(server, settings)
    key = record_key(flags)
    if load_record(record_path(key, os.environ), key) != record:
        try:
            _store(record, flags)
        except OSError as error:
            # The next start is as slow as this one was; nothing else depends on it.
            _LOGGER.warning("Cannot keep the record of a quick start: %s", error)
    return record


def _store(record: Record, flags: Sequence[str]) -> Path:
    key = record_key(flags)
    path = Path(record_path(key, os.environ))
    store_record(str(path), key, record)
    records = sorted(path.parent.glob("*.json"), key=lambda file: file.stat().st_mtime_ns)
    for old in records[:-_MAX_RECORDS]:
        with contextlib.suppress(OSError):  # somebody else removed it
            old.unlink()
    return path


async def _record_answers(
    server: Server[Host],
    settings: Settings,
    versions: AbstractSet[str] = _VERSIONS,
    lists: Sequence[str] = LISTS,
) -> Record:
    """Ask the server itself, in each of these versions of the protocol; return what it answers."""
    handshakes: dict[str, Answers] = {}
    modern: dict[str, Answers] = {}
    async with anyio.create_task_group() as tasks:
        # A bystander, whose workspace is never opened: lists do not depend on it.
        host = Host(settings, tasks, home=None, environ=None)
        handshakes = {
            version: await _ask(server, host, _handshake(version, lists))
            for version in HANDSHAKE_PROTOCOL_VERSIONS
            if version in versions
        }
        modern = {
            version: await _ask(server, host, _modern(version, lists))
            for version in MODERN_PROTOCOL_VERSIONS
            if version in versions
        }
    return Record(handshakes, modern)


def _handshake(version: str, lists: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
    hello: dict[str, Any] = {"protocolVersion": version, "capabilities": {}, "clientInfo": _CLIENT}
    return [("initialize", hello), *((method, {}) for method in lists)]


def _modern(version: str, lists: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
    meta: dict[str, Any] = {
        "io.modelcontextprotocol/protocolVersion": version,
        "io.modelcontextprotocol/clientInfo": _CLIENT,
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    return [(method, {"_meta": meta}) for method in ("server/discover", *lists)]


async def _ask(
    server: Server[Host], host: Host, questions: list[tuple[str, dict[str, Any]]]
) -> Answers:
    """Return the answers of one connection; what is answered with an error is left out."""
    to_server, server_in = anyio.create_memory_object_stream[SessionMessage | Exception](16)
    server_out, from_server = anyio.create_memory_object_stream[SessionMessage](16)
    answers: dict[str, str] = {}
    options = initialization_options(server)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_serve, server, host, server_in, server_out, options)
        async with to_server, from_server:
            for number, (method, params) in enumerate(questions):
                request = JSONRPCRequest(jsonrpc="2.0", id=number, method=method, params=params)
                await to_server.send(SessionMessage(request))
                answer = (await from_server.receive()).message
                if isinstance(answer, JSONRPCResponse):
                    answers[method] = json.dumps(
                        answer.result, ensure_ascii=False, separators=(",", ":")
                    )
                if method == "initialize":
                    ready = JSONRPCNotification(jsonrpc="2.0", method="notifications/initialized")
                    await to_server.send(SessionMessage(ready))
    return answers


async def _serve(server: Server[Host], host: Host, reader: Any, writer: Any, options: Any) -> None:  # noqa: ANN401 - streams and options are typed where they are made
    await serve_dual_era_loop(server, reader, writer, lifespan_state=host, init_options=options)

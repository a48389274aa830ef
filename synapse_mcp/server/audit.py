"""Records every call that changes something: who asked for what, and what came of it."""

import json
import logging
import re
import time
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from functools import partial
from typing import Any, cast

import anyio
import anyio.to_thread
from mcp.server.context import CallNext, HandlerResult
from mcp.shared.exceptions import MCPError

from synapse_core.logs.redact import Redactor
from synapse_core.logs.secret_values import secrets_in
from synapse_core.types import JSONObject, JSONValue
from synapse_mcp.server.audit_file import AuditFile
from synapse_mcp.server.host import Host
from synapse_mcp.server.opening import Context
from synapse_mcp.server.peer import peer_of

__all__ = ["Audit"]

_LOGGER = logging.getLogger(__name__)

_CANCEL_TASK = "tasks/cancel"
_CODE = re.compile(r"\[(\w+)\]")

_MAX_TEXT = 300
_MAX_ITEMS = 50
_MAX_DEPTH = 6
_MAX_ARGUMENTS = 4_000
_READ_CHARS = 4_096
"""How much of a text is looked at; a secret that the cut parts lies beyond what is kept."""


class Audit:
    """Adds a line to the audit file of the home for each call of a tool that changes something.

    The line is written when the call ends, however it ends. A line that cannot be written does not
    keep the call from being answered; stderr tells of it.

    Args:
        changing: Names of all tools that change something, offered or not.
    """

    def __init__(self, changing: AbstractSet[str]) -> None:
        self._changing = changing

    async def __call__(self, ctx: Context, call_next: CallNext) -> HandlerResult:
        """Pass the request on, and record it if it is one that changes something."""
        asked = self._asked(ctx)
        if asked is None:
            return await call_next(ctx)
        began = time.monotonic()
        outcome: JSONObject = {"outcome": "given_up"}
        try:
            result = await call_next(ctx)
            outcome = _outcome(result)
        except MCPError as error:
            outcome = {"outcome": "protocol_error", "error": error.error.code}
            raise
        except Exception:
            outcome = {"outcome": "invalid_request"}
            raise
        finally:
            entry = {**_sender(ctx), **asked, **outcome, "ms": _ms_since(began)}
            # Shielded, so that a request that is given up is recorded like any other. Not among
            # the threads of the tools, which may all be waiting.
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(partial(_record, ctx.lifespan_context, entry))
        return result

    def _asked(self, context: Context) -> JSONObject | None:
        params = context.params or {}
        if context.method == _CANCEL_TASK:
            return {"tool": _CANCEL_TASK, **_run_of_task(params.get("taskId"))}
        name = params.get("name")
        if context.method != "tools/call" or name not in self._changing:
            return None
        given = params.get("arguments")
        arguments = cast("JSONObject", given) if isinstance(given, dict) else {}
        run_id = arguments.get("run_id")
        about: JSONObject = {"run_id": run_id} if isinstance(run_id, str) else {}
        return {"tool": name, "arguments": arguments, **about}


def _sender(context: Context) -> JSONObject:
    client = context.session.client_params
    info = client.client_info if client is not None else None
    peer = peer_of(context)
    told: JSONObject = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "client": f"{info.name} {info.version}".strip() if info is not None else "",
        "transport": peer.transport,
        "principal": peer.principal,
    }
    where: JSONObject = {"address": peer.address, "session": peer.session}
    return {**told, **{key: value for key, value in where.items() if value}}


def _outcome(result: HandlerResult) -> JSONObject:
    """Return how the call ended: `ok`, `asked` for the user, `declined`, or the error's code."""
    answer: Mapping[str, Any] = result if isinstance(result, dict) else {}
    if answer.get("resultType") == "input_required":
        return {"outcome": "asked"}
    if answer.get("resultType") == "task":
        return {"outcome": "ok", **_run_of_task(answer.get("taskId"))}
    if answer.get("isError"):
        code = _CODE.match(str(answer["content"][0].get("text", "")))
        return {"outcome": code[1] if code else "error"}
    content: Mapping[str, Any] = answer.get("structuredContent") or {}
    run_id = content.get("run_id")
    about: JSONObject = {"run_id": run_id} if isinstance(run_id, str) else {}
    return {"outcome": "declined" if content.get("declined") else "ok", **about}


def _run_of_task(handle: object) -> JSONObject:
    """Return the run of a task. Its handle is not told: it lets its reader cancel the run."""
    return {"run_id": handle.rpartition(".")[0]} if isinstance(handle, str) else {}


def _record(host: Host, entry: JSONObject) -> None:
    try:
        AuditFile(host.home.audit_file).append(_discreet(host.redactor, entry))
    except Exception:
        # Whatever keeps it from being written, the call has been made and must be answered.
        _LOGGER.exception("The audit file lacks a call of %s", entry.get("tool"))


def _discreet(redactor: Redactor, entry: JSONObject) -> JSONObject:
    """Return the entry without secrets, and of a bounded size."""
    short = cast("JSONObject", _clip(entry, _MAX_DEPTH, _READ_CHARS))
    own = Redactor(secrets_in(short))
    told = cast("JSONObject", _clip(own.value(redactor.value(short)), _MAX_DEPTH, _MAX_TEXT))
    arguments = json.dumps(told.get("arguments"), ensure_ascii=False)
    if len(arguments) > _MAX_ARGUMENTS:
        told["arguments"] = f"{arguments[:_MAX_ARGUMENTS]} …"
    return told


def _clip(value: JSONValue, depth: int, max_chars: int) -> JSONValue:
    match value:
        case str():
            return value if len(value) <= max_chars else f"{value[:max_chars]} …"
        case dict() | list() if not depth:
            return "…"
        case dict():
            kept = list(value.items())[:_MAX_ITEMS]
            return {key[:max_chars]: _clip(item, depth - 1, max_chars) for key, item in kept}
        case list():
            return [_clip(item, depth - 1, max_chars) for item in value[:_MAX_ITEMS]]
        case _:
            return value


def _ms_since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)

"""Decides, frame by frame, what can be answered from a record and what must wait for the server.

Pure: bytes in, bytes out. Standard library only.

A frame it answers is gone, but for two kinds that the server must see as well, to know whom it
speaks to: the handshake, and a request to be told of changes. Their second answer, which is the
server's, must not reach the client: `Handover.answered` names them.
"""

import json
from typing import Any, TypeAlias, cast

from synapse_mcp.front.record import LISTS, Answers, Record

__all__ = ["Handover", "Receptionist", "RequestId"]

RequestId: TypeAlias = str | int

_MAX_FRAME_BYTES = 1 << 16
"""What can be answered here is short; longer frames are not looked at."""

_META = "io.modelcontextprotocol/"
_LISTEN = "subscriptions/listen"
_LIST_FLAGS = frozenset({"toolsListChanged", "promptsListChanged", "resourcesListChanged"})


class Handover:
    """What the server gets when it takes over.

    Attributes:
        frames: Bytes read from the client that it has to deal with, the beginning of an unfinished
            line included.
        answered: Ids of requests among them that have been answered: an `initialize`, or a
            `subscriptions/listen` that has been acknowledged.
        was_recorded: Answers that the client got, by method; to be compared with the truth.
        version: The version of the protocol that the last of them was for.
        is_closed: Whether the client has closed its end.
        is_owed: Whether the client waits for an answer that only the server can give.
    """

    def __init__(self) -> None:
        self.frames = b""
        self.answered: set[RequestId] = set()
        self.was_recorded: dict[str, str] = {}
        self.version = ""
        self.is_closed = False
        self.is_owed = False


class Receptionist:
    """Answers what the record knows, and keeps the rest."""

    def __init__(self, record: Record) -> None:
        self.handover = Handover()
        self._record = record
        self._answers: Answers | None = None
        self._has_waiting_request = False

    def take(self, line: bytes) -> bytes | None:
        """Return the answer to a line with its newline; None when it has to wait.

        Everything that waits is added to the handover.
        """
        answer = self._answer(line)
        if answer is None:
            self.handover.frames += line
            self.handover.is_owed = self.handover.is_owed or not _is_notification(line)
        return answer

    def _answer(self, line: bytes) -> bytes | None:
        frame = _parse(line)
        if frame is None:
            return None
        method, request_id = frame.get("method"), frame.get("id")
        params = _object(frame.get("params", {}))
        if not isinstance(request_id, str | int) or isinstance(request_id, bool):
            return None
        if not isinstance(method, str) or params is None:
            return None
        return self._answer_request(line, method, request_id, params)

    def _answer_request(
        self, line: bytes, method: str, request_id: RequestId, params: dict[str, Any]
    ) -> bytes | None:
        version = _modern_version(params)
        if method == "initialize" and version is None:
            answer = self._begin(line, request_id, params)
        else:
            answers = self._answers if version is None else self._record.modern.get(version)
            answer = self._look_up(line, method, request_id, params, answers)
        if answer is None:
            self._has_waiting_request = True
        elif version is not None:
            self.handover.version = version
        return answer

    def _begin(self, line: bytes, request_id: RequestId, params: dict[str, Any]) -> bytes | None:
        # The first request decides what the connection speaks; it must not be another one.
        if self._has_waiting_request or self._answers is not None or not _is_handshake(params):
            return None
        answers = self._record.handshakes.get(params["protocolVersion"])
        if answers is None or "initialize" not in answers:
            return None
        self._answers = answers
        self.handover.version = params["protocolVersion"]
        self._replay(line, request_id)
        return self._result(request_id, "initialize", answers)

    def _look_up(
        self,
        line: bytes,
        method: str,
        request_id: RequestId,
        params: dict[str, Any],
        answers: Answers | None,
    ) -> bytes | None:
        if answers is None:
            return None
        if method == _LISTEN and answers is not self._answers:
            return self._acknowledge(line, request_id, params)
        is_plain = not params.keys() - {"_meta"}
        if is_plain and method in {*LISTS, "server/discover"} and method in answers:
            return self._result(request_id, method, answers)
        if is_plain and method == "ping" and answers is self._answers:
            return _frame({"id": request_id, "result": {}})
        return None

    def _acknowledge(
        self, line: bytes, request_id: RequestId, params: dict[str, Any]
    ) -> bytes | None:
        """Confirm a wish to be told of changed lists; one for more than that has to wait."""
        flags = _object(params.get("notifications"))
        if params.keys() - {"_meta", "notifications"} or not flags:
            return None
        if flags.keys() - _LIST_FLAGS or not all(on is True for on in flags.values()):
            return None
        self._replay(line, request_id)
        told = {"notifications": flags, "_meta": {f"{_META}subscriptionId": request_id}}
        return _frame({"method": "notifications/subscriptions/acknowledged", "params": told})

    def _replay(self, line: bytes, request_id: RequestId) -> None:
        self.handover.frames += line
        self.handover.answered.add(request_id)

    def _result(self, request_id: RequestId, method: str, answers: Answers) -> bytes:
        text = answers[method]
        self.handover.was_recorded[method] = text
        return b'{"jsonrpc":"2.0","id":%b,"result":%b}\n' % (
            json.dumps(request_id).encode(),
            text.encode(),
        )


def _parse(line: bytes) -> dict[str, Any] | None:
    if len(line) > _MAX_FRAME_BYTES:
        return None
    try:
        frame = json.loads(line)
    except (ValueError, RecursionError):
        return None  # the server says what is wrong with it
    fields = _object(frame)
    return fields if fields is not None and fields.get("jsonrpc") == "2.0" else None


def _is_notification(line: bytes) -> bool:
    frame = _parse(line)
    return frame is not None and "method" in frame and "id" not in frame


def _object(value: object) -> dict[str, Any] | None:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def _is_handshake(params: dict[str, Any]) -> bool:
    """Whether the server would take it; what it would refuse it must refuse itself."""
    client = _object(params.get("clientInfo"))
    return (
        isinstance(params.get("protocolVersion"), str)
        and isinstance(params.get("capabilities"), dict)
        and client is not None
        and all(isinstance(client.get(key), str) for key in ("name", "version"))
    )


def _modern_version(params: dict[str, Any]) -> str | None:
    """Return the version a request carries itself; None for those of a connection's version."""
    meta = _object(params.get("_meta"))
    if meta is None:
        return None
    version = meta.get(f"{_META}protocolVersion")
    is_whole = all(
        isinstance(meta.get(f"{_META}{key}"), dict) for key in ("clientInfo", "clientCapabilities")
    )
    return version if isinstance(version, str) and is_whole else None


def _frame(content: dict[str, Any]) -> bytes:
    return json.dumps({"jsonrpc": "2.0", **content}, separators=(",", ":")).encode() + b"\n"

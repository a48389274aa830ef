"""Answers over HTTP that are said part by part: as lines, as events, or all together."""

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from synapse_core.errors import SynapseError
from synapse_core.serving.problems import Refusal, problem_document
from synapse_core.types import JSONValue

__all__ = ["EVENTS", "LINES", "respond_in_parts"]

LINES = "application/x-ndjson"
EVENTS = "text/event-stream"


@dataclass(frozen=True, slots=True)
class _Form:
    """How a part and a problem are written; both are made JSON first."""

    part: str
    problem: str


_FORMS = {
    LINES: _Form("%s\n", '{"problem": %s}\n'),
    EVENTS: _Form("data: %s\n\n", "event: problem\ndata: %s\n\n"),
}
_TOGETHER = "application/json"

_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""Else what lies between might keep parts back until there are more."""

_END = object()


async def respond_in_parts(parts: AsyncGenerator[JSONValue], accept: str) -> Response:
    """Return the answer in the form that the client asks for, once its first part is there.

    What goes wrong before that is raised, and so answered with its own status code. Later, the last
    line is `{"problem": …}`, or the last event a `problem`.

    Args:
        parts: The parts; closed at the end, or when the client leaves.
        accept: The header of the request.
    """
    form = _choose(accept)
    if form == _TOGETHER:
        try:
            return JSONResponse([part async for part in parts])
        finally:
            await parts.aclose()
    try:
        first = await anext(parts, _END)
    except BaseException:
        await parts.aclose()
        raise
    return _Streamed(first, parts, form)


class _Streamed(StreamingResponse):
    """Sends parts as they come, and closes them whatever happens."""

    def __init__(self, first: object, parts: AsyncGenerator[JSONValue], form: str) -> None:
        text = _write(first, parts, _FORMS[form])
        super().__init__(text, media_type=form, headers=_HEADERS)
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; whoever calls this ends it when the client leaves."""
        del scope, receive
        try:
            await self.stream_response(send)
        finally:
            await self._parts.aclose()


async def _write(
    first: object, parts: AsyncGenerator[JSONValue], form: _Form
) -> AsyncGenerator[str]:
    if first is _END:
        return
    yield form.part % _dump(first)
    try:
        async for part in parts:
            yield form.part % _dump(part)
    except Refusal as refusal:
        yield form.problem % _dump(refusal.document)
    except SynapseError as error:
        yield form.problem % _dump(problem_document(error))


def _dump(document: object) -> str:
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "replace").decode()


def _choose(accept: str) -> str:
    """Return the form that the header likes best; lines where it likes none more."""
    best, form = 0.0, LINES
    for one in accept.lower().split(","):
        kind, *options = (part.strip() for part in one.split(";"))
        if kind == _TOGETHER or kind in _FORMS:
            weight = next((_weight(option) for option in options if option.startswith("q=")), 1.0)
            if weight > best:
                best, form = weight, kind
    return form


def _weight(option: str) -> float:
    try:
        return float(option.removeprefix("q="))
    except ValueError:
        return 0.0

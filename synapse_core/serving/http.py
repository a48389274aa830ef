"""What a deployment answers over HTTP: requests for the action, what it is, and whether it is well.

POST /<name>          a JSON object: the params of the action; the answer is its result, or parts
                      of it as they come
GET /<name>           what the action is, with the schemas of both
GET /<name>/health    whether it answers
"""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from hashlib import sha256
from hmac import compare_digest

from starlette.requests import Request
from starlette.responses import Response

from synapse_core.errors import (
    InvalidInputError,
    NotFoundError,
    SynapseError,
    TooLargeError,
    UnauthorizedError,
    WorkerLostError,
)
from synapse_core.serving.problems import PROBLEM_TYPE, Refusal, problem_document, status_of
from synapse_core.serving.release import Release, check_model_id
from synapse_core.serving.replica import Answer, Replica
from synapse_core.serving.streamed import respond_in_parts
from synapse_core.types import JSONObject, JSONValue

__all__ = ["MODEL_HEADER", "AnswerOne", "Front", "LoadModel"]

MODEL_HEADER = "serve_multiplexed_model_id"
"""By it a request chooses among models; Ray Serve routes by it, too."""

AnswerOne = Callable[[str, JSONValue], Awaitable[Answer]]
"""Answers one request for a model, perhaps together with others."""

LoadModel = Callable[[str], Awaitable[None]]
"""Has a model loaded, and others unloaded for it; raises `Refusal`."""

_JSON = "application/json"


class Front:
    """Answers the HTTP requests of one replica.

    Args:
        replica: Has the action.
        answer: Answers one request.
        load: Has a model loaded.
    """

    def __init__(self, replica: Replica, answer: AnswerOne, load: LoadModel) -> None:
        self._replica = replica
        self._answer = answer
        self._load = load

    async def respond(self, request: Request) -> Response:
        """Return the answer to a request; errors become problems."""
        try:
            status, document = await self._respond(request)
            if isinstance(document, AsyncGenerator):
                return await respond_in_parts(document, request.headers.get("accept", ""))
        except Refusal as refusal:
            status, document = refusal.status, refusal.document
        except SynapseError as error:
            status, document = status_of(error), problem_document(error)
        return _response(status, document)

    async def _respond(self, request: Request) -> Answer:
        root = request.scope.get("root_path", "").rstrip("/")
        path = request.scope["path"].removeprefix(root).rstrip("/")
        release = self._replica.release
        if path == "/health" and request.method in {"GET", "HEAD"}:
            return self._health()
        if release is None:
            raise WorkerLostError("The deployment is starting.", hint="Try again in a moment.")
        _authorize(request, release)
        match path, request.method:
            case "", "POST":
                return await self._infer(request, release)
            case "", "GET" | "HEAD":
                return 200, self._describe(release)
            case "" | "/health", _:
                raise _refuse(405, f"{request.method} is not answered here.", "Send POST or GET.")
            case _:
                raise NotFoundError(
                    f"Nothing answers at {path[:100]!r} of this deployment.",
                    hint="Send requests to the address of the deployment itself.",
                )

    async def _infer(self, request: Request, release: Release) -> Answer:
        body = await _read_json(request, release.settings.body_bytes)
        model_id = request.headers.get(MODEL_HEADER, "")
        if model_id:
            check_model_id(model_id)
            if not release.settings.models:
                raise InvalidInputError(
                    "This deployment has one model only.",
                    hint=f"Leave the header {MODEL_HEADER} out, or set `serve.models` of the "
                    "action in config.yaml.",
                )
            await self._load(model_id)
        return await self._answer(model_id, body)

    def _describe(self, release: Release) -> JSONObject:
        description = self._replica.description
        return {
            "plugin": release.plugin,
            "action": release.action,
            "version": release.version,
            "release": release.number,
            "description": description.get("description", ""),
            "params": description.get("params"),
            "result": description.get("result"),
            "item": description.get("item"),
            "example": description.get("example"),
        }

    def _health(self) -> tuple[int, JSONValue]:
        is_ready = self._replica.is_ready
        return (200 if is_ready else 503), {"status": "ready" if is_ready else "unavailable"}


async def _read_json(request: Request, most: int) -> JSONValue:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _JSON:
        # Browsers send other kinds to any address without asking, this one they do not.
        raise _refuse(415, f"The body is {kind or 'of no kind'}.", f"Send `Content-Type: {_JSON}`.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise TooLargeError(
                f"The request holds more than {most >> 20} MiB.",
                hint="Send less, or raise `serve.body` of the action in config.yaml.",
            )
    try:
        value: JSONValue = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(
            f"The body is no JSON: {error}.", hint="Send a JSON object with the params."
        ) from None
    return value


def _refuse_constant(name: str) -> JSONValue:
    raise ValueError(f"{name} is no JSON")


def _authorize(request: Request, release: Release) -> None:
    if not release.token_digest:
        return
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    digest = sha256(token.strip().encode("utf-8", "surrogateescape")).hexdigest()
    if scheme.lower() != "bearer" or not compare_digest(digest, release.token_digest):
        raise UnauthorizedError(
            "The request carries no token, or a wrong one.",
            hint="Send `Authorization: Bearer …` with the token of the deployment.",
        )


def _refuse(status: int, message: str, hint: str) -> Refusal:
    return Refusal(status, problem_document(InvalidInputError(message, hint=hint), status))


def _response(status: int, document: JSONValue) -> Response:
    is_problem = status >= 400 and isinstance(document, dict) and "code" in document  # noqa: PLR2004 - where errors begin
    headers = {"Retry-After": "1"} if status == 503 else {}  # noqa: PLR2004 - as above
    if status == 401:  # noqa: PLR2004 - as above
        headers["WWW-Authenticate"] = 'Bearer realm="synapse"'
    return Response(
        json.dumps(document, ensure_ascii=False).encode("utf-8", "replace"),
        status_code=status,
        media_type=PROBLEM_TYPE if is_problem else _JSON,
        headers=headers,
    )

"""Errors as answers: the one place where the tree of errors becomes status codes.

The form is that of RFC 9457 with three members of ours: `code`, `hint` and `data`, from which a
client makes the very error again.
"""

import json
import math

from starlette.responses import Response

from synapse_core.errors import (
    ConflictError,
    InvalidInputError,
    MissingExtraError,
    NotFoundError,
    ParamsError,
    RateLimitedError,
    RefusedError,
    StoreUnavailableError,
    SynapseError,
    TooLargeError,
    UnauthorizedError,
)
from synapse_core.types import JSONObject

__all__ = ["PROBLEM_TYPE", "problem_document", "problem_response", "status_of"]

PROBLEM_TYPE = "application/problem+json"

_STATUSES: tuple[tuple[type[SynapseError], int], ...] = (
    (UnauthorizedError, 401),
    (RateLimitedError, 429),
    (RefusedError, 403),
    (NotFoundError, 404),
    (ConflictError, 409),
    (TooLargeError, 413),
    (ParamsError, 422),
    (InvalidInputError, 400),
    (StoreUnavailableError, 503),
    (MissingExtraError, 501),
)
"""The first that fits counts."""

_TITLES = {
    400: "Bad request",
    401: "Token missing or wrong",
    403: "Refused",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Too large",
    422: "Params do not fit",
    429: "Too many requests",
    500: "Failed",
    501: "Not installed",
    503: "Store unavailable",
}


def status_of(error: SynapseError) -> int:
    """Return the status code of an error."""
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)


def problem_document(error: SynapseError, status: int | None = None) -> JSONObject:
    """Return what an answer tells of an error."""
    status = status_of(error) if status is None else status
    return {
        "type": f"urn:synapse:error:{error.code}",
        "title": _TITLES.get(status, "Failed"),
        "status": status,
        "detail": error.message,
        "code": error.code,
        "hint": error.hint,
        "data": dict(error.data),
    }


def problem_response(error: SynapseError, status: int | None = None) -> Response:
    """Return the answer that tells of an error."""
    document = problem_document(error, status)
    headers: dict[str, str] = {}
    if isinstance(error, UnauthorizedError):
        headers["WWW-Authenticate"] = 'Bearer realm="synapse"'
    if isinstance(error, RateLimitedError):
        wait_s = error.data.get("retry_after_s")
        headers["Retry-After"] = str(math.ceil(wait_s) if isinstance(wait_s, float | int) else 1)
    return Response(
        json.dumps(document, default=str),
        status_code=int(str(document["status"])),
        media_type=PROBLEM_TYPE,
        headers=headers,
    )

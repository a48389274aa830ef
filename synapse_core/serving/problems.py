"""Errors as documents for HTTP, in the form of RFC 9457.

Three members are ours: `code`, `hint` and `data`, from which a client makes the very error again.
"""

from synapse_core.errors import (
    ConflictError,
    InvalidInputError,
    MissingExtraError,
    NotFoundError,
    ParamsError,
    RateLimitedError,
    RefusedError,
    RunTimeoutError,
    StoreUnavailableError,
    SynapseError,
    TooLargeError,
    UnauthorizedError,
    WorkerLostError,
)
from synapse_core.types import JSONObject, JSONValue

__all__ = ["PROBLEM_TYPE", "Refusal", "problem_document", "status_of"]

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
    (WorkerLostError, 503),
    (RunTimeoutError, 504),
    (MissingExtraError, 501),
)
"""The first that fits counts."""

_TITLES = {
    400: "Bad request",
    401: "Token missing or wrong",
    403: "Refused",
    404: "Not found",
    405: "Method not allowed",
    408: "Took too long",
    409: "Conflict",
    413: "Too large",
    415: "Unsupported media type",
    422: "Params do not fit",
    429: "Too many requests",
    500: "Failed",
    501: "Not installed",
    503: "Unavailable",
    504: "Took too long",
}


class Refusal(Exception):  # noqa: N818 - an answer, and no fault of ours
    """A request is answered with a problem.

    Args:
        status: Status code.
        document: The problem.
    """

    def __init__(self, status: int, document: JSONValue) -> None:
        super().__init__(status)
        self.status = status
        self.document = document


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

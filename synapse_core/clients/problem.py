"""Answers that tell of an error, as the error that it was in the service."""

import json
from collections.abc import Iterator, Mapping
from typing import cast

from synapse_core.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    RateLimitedError,
    RefusedError,
    StoreUnavailableError,
    SynapseError,
    UnauthorizedError,
)
from synapse_core.types import JSONObject, JSONValue

__all__ = ["error_of", "is_passing", "retry_after_s", "unreachable"]

_BY_STATUS: Mapping[int, type[SynapseError]] = {
    400: InvalidInputError,
    401: UnauthorizedError,
    403: RefusedError,
    404: NotFoundError,
    409: ConflictError,
    422: InvalidInputError,
    429: RateLimitedError,
    502: StoreUnavailableError,
    503: StoreUnavailableError,
    504: StoreUnavailableError,
}
"""For answers of something else than a service of ours, such as a proxy before it."""

_PASSING = frozenset({429, 502, 503, 504})


def is_passing(status: int) -> bool:
    """Whether a later call may well succeed."""
    return status in _PASSING


def retry_after_s(header: str | None) -> float | None:
    """Return the seconds that the service asks to wait; None when it does not."""
    try:
        return max(0.0, float(header)) if header is not None else None
    except ValueError:  # a date, which a clock that is wrong would misread
        return None


def error_of(status: int, body: bytes, url: str) -> SynapseError:
    """Return the error that an answer tells of."""
    document = _parsed(body)
    message = document.get("detail")
    if not isinstance(message, str):
        kind = _BY_STATUS.get(status, SynapseError)
        return kind(
            f"{url} answered {status}.", hint="Is it the address of a Synapse service?", url=url
        )
    code, hint, data = document.get("code"), document.get("hint"), document.get("data")
    kind = next(
        (known for known in _leaves(SynapseError) if known.code == code),
        _BY_STATUS.get(status, SynapseError),
    )
    return kind.rebuild(
        message,
        hint if isinstance(hint, str) else "",
        data if isinstance(data, dict) else {},
    )


def unreachable(url: str, reason: BaseException | str) -> StoreUnavailableError:
    """Return the error for a service that cannot be reached."""
    told = str(reason) or type(reason).__name__
    return StoreUnavailableError(
        f"The service at {url} cannot be reached: {told}.",
        hint="Is it running, and is this its address? `synapse env show` tells the address; "
        "`synapse env use --none` goes back to this machine's own runs.",
        url=url,
    )


def _leaves(kind: type[SynapseError]) -> Iterator[type[SynapseError]]:
    for inner in kind.__subclasses__():
        yield inner
        yield from _leaves(inner)


def _parsed(body: bytes) -> JSONObject:
    try:
        value = cast("JSONValue", json.loads(body))
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}

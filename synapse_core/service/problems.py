"""Errors as answers of the service, in the form that all our HTTP has."""

import json
import math

from starlette.responses import Response

from synapse_core.errors import RateLimitedError, SynapseError, UnauthorizedError
from synapse_core.serving.problems import PROBLEM_TYPE, problem_document, status_of

__all__ = ["PROBLEM_TYPE", "problem_document", "problem_response", "status_of"]


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

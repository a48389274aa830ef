"""Points in time as callers write them."""

import re
import time
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator

__all__ = ["Since", "parse_time"]

_AGE = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])", re.IGNORECASE)
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def parse_time(text: str) -> float:
    """Return the Unix time meant by an ISO 8601 time (UTC if it names no zone) or by an age.

    Raises:
        ValueError: It is neither.
    """
    age = _AGE.fullmatch(text.strip())
    if age is not None:
        return time.time() - float(age[1]) * _UNIT_S[age[2].lower()]
    try:
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, OSError):
        raise ValueError(
            "should be a time such as 2026-01-31T12:00:00Z, or an age such as 30m, 2h or 7d"
        ) from None


def _check(text: str) -> str:
    parse_time(text)
    return text


Since = Annotated[str, AfterValidator(_check)]
"""Text that `parse_time` understands."""

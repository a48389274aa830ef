"""What a client asks of a service, and how long it goes on asking."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import quote, urlencode

from synapse_core.types import JSONObject

__all__ = ["Call", "QueryValue", "pause_s", "run_path"]

QueryValue: TypeAlias = str | float | Sequence[str] | None

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request.

    Attributes:
        method: HTTP method.
        path: Path below the service's URL, quoted.
        query: Query parameters; those that are None are left out.
        body: What is sent as JSON; None for nothing.
        content: Bytes that are sent as they are, instead.
        media_type: Their type.
        repeats: Whether doing it twice is the same as doing it once, so that a call whose answer
            was lost may be made again. One that surely never arrived may always be.
        timeout_s: Seconds to wait for the answer, beyond the client's own; for calls that wait.
    """

    method: str
    path: str
    query: Mapping[str, QueryValue] = field(default_factory=dict[str, QueryValue])
    body: JSONObject | None = None
    content: bytes | None = None
    media_type: str = "application/json"
    repeats: bool = True
    timeout_s: float = 0.0

    @property
    def target(self) -> str:
        """Path and query; text that UTF-8 cannot say arrives as it is."""
        given = {
            name: ",".join(value) if isinstance(value, list | tuple) else value
            for name, value in self.query.items()
            if value is not None
        }
        if not given:
            return self.path
        return f"{self.path}?{urlencode(given, errors='surrogatepass')}"


def run_path(run_id: str, *more: str) -> str:
    """Return the path of a run, or of something of it."""
    parts = (quote(part, safe="", errors="surrogatepass") for part in (run_id, *more))
    return "/".join(("/api/v1/runs", *parts))


def pause_s(failures: int) -> float:
    """Return the seconds to wait after so many failures; never the same for two clients."""
    longest = min(_FIRST_PAUSE_S * 2 ** min(failures - 1, 10), _LONGEST_PAUSE_S)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - it only spreads clients in time

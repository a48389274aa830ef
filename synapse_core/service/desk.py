"""What the code behind every route works with."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import parse_qs

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response

from synapse_core.errors import InvalidInputError, RefusedError
from synapse_core.runs.ingestion import Ingestion
from synapse_core.service.following import Following
from synapse_core.service.limits import Limits
from synapse_core.service.metrics import Metrics
from synapse_core.service.own_runs import OwnRuns
from synapse_core.service.progress_feed import ProgressFeeds
from synapse_core.service.scopes import Scope
from synapse_core.types import JSONObject, JSONValue
from synapse_core.workspace import Workspace

__all__ = ["Asked", "Desk", "json_response"]

T = TypeVar("T")

_MAX_THREADS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One service: what it works on.

    Attributes:
        workspace: Where the operations work.
        own_runs: What only this machine can do with its runs.
        ingestion: Takes in events of other machines.
        following: Brings events to followers.
        progress: Brings to followers how pipeline runs stand.
        metrics: What was done.
        limits: What a client may do.
        threads: Bounds the blocking work that is done at once.
    """

    workspace: Workspace
    own_runs: OwnRuns
    ingestion: Ingestion
    following: Following
    progress: ProgressFeeds
    limits: Limits
    metrics: Metrics = field(default_factory=Metrics)
    threads: anyio.CapacityLimiter = field(
        default_factory=lambda: anyio.CapacityLimiter(_MAX_THREADS)
    )

    async def blocking(self, work: Callable[[], T]) -> T:
        """Run `work` in a thread and return what it returns."""
        return await anyio.to_thread.run_sync(work, limiter=self.threads)


class Asked:
    """One request, read in the forms that the routes need."""

    def __init__(self, request: Request) -> None:
        self.request = request
        query = request.scope["query_string"].decode("latin-1")
        self._query = parse_qs(query, keep_blank_values=True, errors="surrogatepass")

    @property
    def run_id(self) -> str:
        """The run in the path."""
        return str(self.request.path_params["run_id"])

    @property
    def scope(self) -> Scope:
        """What the token of the request opens."""
        return Scope(self.request.scope["synapse.scope"])

    def require(self, scope: Scope) -> None:
        """Make sure that the token opens so much.

        Raises:
            RefusedError: It does not.
        """
        if not self.scope.includes(scope):
            raise RefusedError(
                f"This needs a token of scope {scope}, and yours has {self.scope}.",
                hint="Ask whoever runs the service for another token.",
                scope=scope.value,
            )

    def texts(self, name: str) -> list[str]:
        """Return all values of a query parameter; those with commas are split."""
        return [part for value in self._query.get(name, []) for part in value.split(",") if part]

    def text(self, name: str) -> str | None:
        """Return a query parameter; None when it is not there.

        Raises:
            InvalidInputError: It is there more than once.
        """
        values = self._query.get(name, [])
        if len(values) > 1:
            raise InvalidInputError(f"{name} is given {len(values)} times.", hint="Give it once.")
        return values[0] if values else None

    def number(self, name: str, *, least: float, most: float) -> float | None:
        """Return a query parameter as a number; None when it is not there.

        Raises:
            InvalidInputError: It is none, or out of bounds.
        """
        text = self.text(name)
        if text is None:
            return None
        try:
            number = float(text)
        except ValueError:
            number = most + 1
        if not least <= number <= most:
            raise InvalidInputError(
                f"{name} is {text[:80]!r}.", hint=f"Give a number from {least:g} to {most:g}."
            )
        return number

    def count(self, name: str, default: int, *, least: int = 1, most: int) -> int:
        """Return a query parameter as a whole number.

        Raises:
            InvalidInputError: It is none, or out of bounds.
        """
        number = self.number(name, least=least, most=most)
        return default if number is None else int(number)

    async def document(self) -> JSONValue:
        """Return the body as JSON; an empty one is an empty object.

        Raises:
            InvalidInputError: It is no JSON.
        """
        body = await self.request.body()
        try:
            return json.loads(body) if body else {}
        except (ValueError, RecursionError) as error:
            raise InvalidInputError(f"The body is no JSON: {error}.", hint="Send JSON.") from error


def json_response(
    document: JSONObject, status: int = 200, *, headers: Mapping[str, str] | None = None
) -> Response:
    """Return the answer; text that UTF-8 cannot say arrives too, since it is escaped."""
    return Response(
        json.dumps(document, separators=(",", ":")),
        status_code=status,
        media_type="application/json",
        headers=headers,
    )

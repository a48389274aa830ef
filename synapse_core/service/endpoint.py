"""One route: what it is called by, who may call it, what it does, and how it is described."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.responses import Response

from synapse_core.service.desk import Asked, Desk
from synapse_core.service.scopes import Scope

__all__ = ["Endpoint", "Parameter"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter, as it is described."""

    name: str
    description: str
    type: str = "string"
    is_list: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A route of the service.

    Attributes:
        method: HTTP method.
        path: Path, with `{name}` for what varies.
        scope: What a token must open; None for no token at all.
        answer: Does it.
        summary: What it does, in a line.
        query: Its query parameters.
        order: Class of the order in its body; None for no body of that kind.
        body: Media type of a body that is no order; None for none.
        answers: Name of the schema that its answer has; None for no body.
        media_type: Media type of its answer.
        status: Status code of success.
    """

    method: str
    path: str
    scope: Scope | None
    answer: Callable[[Desk, Asked], Awaitable[Response]]
    summary: str
    query: tuple[Parameter, ...] = ()
    order: type | None = None
    body: str | None = None
    answers: str | None = None
    media_type: str = "application/json"
    status: int = 200

"""What clients send: one class for each kind of order, and how it is read."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from synapse_core.errors import InvalidInputError, nearest
from synapse_core.types import JSONObject, JSONValue

__all__ = [
    "AttemptOrder",
    "CancelOrder",
    "ClaimOrder",
    "DeleteOrder",
    "FinishOrder",
    "HeartbeatOrder",
    "PipelineOrder",
    "ReleaseOrder",
    "ResumeOrder",
    "StartOrder",
    "TakeOverOrder",
    "parse_order",
]

_Order = TypeVar("_Order")


@dataclass(frozen=True, slots=True, kw_only=True)
class StartOrder:
    """Start a run on the machine of the service. `rerun_of` names a run whose params are kept."""

    plugin: str | None = None
    action: str | None = None
    params: JSONObject = field(default_factory=dict[str, JSONValue])
    executor: str = "process"
    timeout_s: float | None = None
    retries: int | None = None
    env: dict[str, str] = field(default_factory=dict[str, str])
    idempotency_key: str | None = None
    dry_run: bool = False
    rerun_of: str | None = None
    resume: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineOrder:
    """Start a pipeline; `resume_from` names an earlier run, whose finished nodes are skipped."""

    params: JSONObject = field(default_factory=dict[str, JSONValue])
    resume_from: str | None = None
    executor: str = "process"
    timeout_s: float | None = None
    env: dict[str, str] = field(default_factory=dict[str, str])
    idempotency_key: str | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeOrder:
    """Go on where a pipeline run ended; `params` take the place of its own."""

    params: JSONObject | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimOrder:
    """Own a pending run for `lease_s` seconds."""

    owner: str
    lease_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatOrder:
    """Own it for longer; `summary` replaces the one that is kept."""

    owner: str
    lease_s: float
    summary: JSONObject | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptOrder:
    """Begin another attempt."""

    owner: str
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishOrder:
    """End a run; `owner` is left out for one that is still pending."""

    outcome: JSONObject
    owner: str | None = None
    summary: JSONObject | None = None
    started_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeOverOrder:
    """Pass a run of a dead owner on."""

    expected_owner: str
    owner: str
    lease_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseOrder:
    """Make a run of a dead owner pending again."""

    expected_owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOrder:
    """Stop a run; `force` kills without asking."""

    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteOrder:
    """Remove ended runs with all they left; others are passed over."""

    run_ids: list[str]
    dry_run: bool = False


def parse_order(kind: type[_Order], document: JSONValue) -> _Order:
    """Read an order.

    Raises:
        InvalidInputError: A key is missing, unknown, or holds something else than it should.
    """
    if not isinstance(document, dict):
        raise InvalidInputError("The body is no JSON object.", hint="Send `{…}`.")
    declared = {item.name: item for item in dataclasses.fields(kind)}  # type: ignore[arg-type]  # orders are
    hints = get_type_hints(kind)
    for name in document:
        if name not in declared:
            raise InvalidInputError(
                f"{name[:80]!r} is no key of this order.",
                hint=f"{nearest(name, declared)} There are: {', '.join(declared)}.".strip(),
                key=name[:80],
            )
    for name, item in declared.items():
        is_required = (
            item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
        )
        if name not in document and is_required:
            raise InvalidInputError(f"{name} is missing.", hint=f"Send {name}.", key=name)
        if name in document and not _fits(document[name], hints[name]):
            raise InvalidInputError(
                f"{name} is {str(document[name])[:80]!r}.",
                hint="The OpenAPI document of the service tells its type.",
                key=name,
            )
    return kind(**document)


def _fits(value: object, hint: Any) -> bool:  # noqa: ANN401 - any type there is
    origin = get_origin(hint)
    if origin is dict:
        items = cast("dict[str, object]", value).values() if isinstance(value, dict) else None
        is_any = get_args(hint)[1] is not str
        return items is not None and (is_any or all(isinstance(item, str) for item in items))
    if origin is list:
        texts = cast("list[object]", value) if isinstance(value, list) else None
        return texts is not None and all(isinstance(item, str) for item in texts)
    if get_args(hint):
        return any(_fits(value, part) for part in get_args(hint))
    if isinstance(value, bool):
        return hint is bool
    return isinstance(value, (int, float) if hint is float else hint)

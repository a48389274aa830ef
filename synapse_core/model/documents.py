"""Runs as JSON documents, for a database or for the wire, and back.

A document may come from a later version: keys that this one does not know are passed over.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, get_args, get_origin, get_type_hints

from synapse_core.errors import InvalidInputError
from synapse_core.model.event import Event, EventKind
from synapse_core.model.run import (
    ArtifactInfo,
    Frame,
    Outcome,
    Progress,
    Resources,
    RetryPolicy,
    Run,
    RunFailure,
    RunKind,
    RunStatus,
    RunSummary,
)
from synapse_core.types import JSONObject, JSONValue

if TYPE_CHECKING:  # it is only there for checkers
    from _typeshed import DataclassInstance

__all__ = [
    "event_document",
    "failure_of",
    "known_fields",
    "outcome_document",
    "parse_event_document",
    "parse_outcome",
    "parse_run",
    "parse_summary",
    "run_document",
    "summary_document",
    "summary_of",
]

_T = TypeVar("_T")
_Checked = TypeVar("_Checked", Run, RetryPolicy, Resources, RunSummary)

_Model: TypeAlias = (
    Run
    | RetryPolicy
    | Resources
    | RunFailure
    | Frame
    | RunSummary
    | Progress
    | ArtifactInfo
    | Outcome
)


def run_document(run: Run) -> JSONObject:
    """Return the run with all it has, secrets among its variables included."""
    return asdict(run)


def parse_run(document: JSONValue) -> Run:
    """Read what `run_document` returned.

    Raises:
        InvalidInputError: It is no run.
    """
    return _parsed("run", _run_of, document)


def summary_document(summary: RunSummary) -> JSONObject:
    """Return the summary as a document."""
    return asdict(summary)


def parse_summary(document: JSONValue) -> RunSummary:
    """Read what `summary_document` returned.

    Raises:
        InvalidInputError: It is no summary.
    """
    return _parsed("summary", summary_of, document)


def outcome_document(outcome: Outcome) -> JSONObject:
    """Return the outcome as a document."""
    return asdict(outcome)


def parse_outcome(document: JSONValue) -> Outcome:
    """Read what `outcome_document` returned.

    Raises:
        InvalidInputError: It is no outcome.
    """
    return _parsed("outcome", _outcome_of, document)


def event_document(event: Event) -> JSONObject:
    """Return the event as it stands in a journal."""
    return {"seq": event.seq, "time": event.time, "kind": event.kind, "data": event.data}


def parse_event_document(document: JSONValue) -> Event | None:
    """Read what `event_document` returned; None for a kind that only a later version knows.

    Raises:
        InvalidInputError: It is no event.
    """
    return _parsed("event", _event_of, document)


def failure_of(told: Mapping[str, Any] | None) -> RunFailure | None:
    """Return the failure in a document that is known to hold one, or None."""
    if told is None:
        return None
    where = told.get("where")
    known = known_fields(RunFailure, told)
    known["where"] = None if where is None else Frame(**known_fields(Frame, where))
    return RunFailure(**known)


def summary_of(told: Mapping[str, Any]) -> RunSummary:
    """Return the summary in a document that is known to hold one."""
    known = known_fields(RunSummary, told)
    for name, kind in (("progress", Progress), ("artifacts", ArtifactInfo)):
        known[name] = {
            key: kind(**known_fields(kind, item)) for key, item in known.get(name, {}).items()
        }
    return RunSummary(**known)


def known_fields(model: "type[DataclassInstance]", told: Mapping[str, Any]) -> dict[str, Any]:
    """Return what this version of the model knows; a later one may have written more."""
    names = _names_of(model)
    return {name: value for name, value in told.items() if name in names}


@cache
def _names_of(model: "type[DataclassInstance]") -> frozenset[str]:
    return frozenset(field.name for field in fields(model))


def _run_of(told: Mapping[str, Any]) -> Run:
    known = known_fields(Run, told)
    known["status"] = RunStatus(known.get("status", RunStatus.PENDING))
    known["kind"] = RunKind(known.get("kind", RunKind.ACTION))
    known["retry"] = _typed(RetryPolicy(**known_fields(RetryPolicy, known.get("retry", {}))))
    known["resources"] = _typed(Resources(**known_fields(Resources, known.get("resources", {}))))
    known["failure"] = failure_of(known.get("failure"))
    known["summary"] = _typed(summary_of(known.get("summary", {})))
    return _typed(Run(**known))


def _outcome_of(told: Mapping[str, Any]) -> Outcome:
    known = known_fields(Outcome, told)
    known["status"] = RunStatus(known["status"])
    known["failure"] = failure_of(known.get("failure"))
    return Outcome(**known)


def _event_of(told: Mapping[str, Any]) -> Event | None:
    try:
        kind = EventKind(told["kind"])
    except ValueError:
        return None
    return Event(int(told["seq"]), float(told["time"]), kind, dict(told["data"]))


def _typed(model: _Checked) -> _Checked:
    """Return the model when its plain fields hold what they are declared to."""
    for name, allowed in _plain_types(type(model)).items():
        value = getattr(model, name)
        # A boolean is an integer to Python, and no number to anybody else.
        if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
            raise TypeError(f"{name} is {str(value)[:80]!r}")
    return model


@cache
def _plain_types(model: type[_Model]) -> dict[str, tuple[type, ...]]:
    """Return the types of the fields that are text, numbers or mappings, None included."""
    hints = get_type_hints(model)
    found: dict[str, tuple[type, ...]] = {}
    for field in fields(model):
        parts = get_args(hints[field.name]) or (hints[field.name],)
        if get_origin(hints[field.name]) is dict:
            found[field.name] = (dict,)
        elif all(part in _PLAIN for part in parts):
            found[field.name] = tuple(kind for part in parts for kind in _PLAIN[part])
    return found


_PLAIN: dict[object, tuple[type, ...]] = {
    str: (str,),
    int: (int,),
    float: (int, float),
    bool: (bool,),
    type(None): (type(None),),
}


def _object(document: JSONValue) -> JSONObject:
    if not isinstance(document, dict):
        raise TypeError("it is no object")
    return document


def _parsed(what: str, parse: Callable[[Mapping[str, Any]], _T], document: JSONValue) -> _T:
    try:
        return parse(_object(document))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInputError(
            f"What was given is no {what}: {error!r}.",
            hint="Send it as the OpenAPI document describes it.",
        ) from error

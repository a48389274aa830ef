"""How the end of an attempt and of a run stand in a journal, and how they are read back."""

from dataclasses import asdict, dataclass

from synapse_core.model.event import Event, EventKind
from synapse_core.model.run import Frame, Outcome, RunFailure, RunStatus
from synapse_core.ports import JournalReader
from synapse_core.runs.records import is_end
from synapse_core.types import JSONObject, JSONValue

__all__ = [
    "Ending",
    "ending_of",
    "is_lasting",
    "last_word",
    "parse_failure",
    "terminal_status",
    "when_begun",
]

_WORDS = frozenset({EventKind.OUTPUT, EventKind.ERROR, EventKind.STATUS})

_LASTING = frozenset(
    {"invalid_params", "action_load_failed", "action_not_found", "pipeline_failed"}
)
"""Codes of failures that the next attempt would meet again."""


@dataclass(frozen=True, slots=True)
class Ending:
    """What a journal says of how its run ended.

    Attributes:
        outcome: How the current attempt ended; None when it left no word.
        is_final: Whether the run's own end is on record, so that nothing may follow.
    """

    outcome: Outcome | None
    is_final: bool


def terminal_status(outcome: Outcome, attempt: int) -> JSONObject:
    """Return the data of the `status` event that ends a run.

    It carries the failure whole: a crash or a time-out leaves no `error` event, and the store may
    never learn of it.
    """
    data: JSONObject = {"status": outcome.status, "attempt": attempt}
    if outcome.failure is not None:
        data["reason"] = outcome.failure.message
        data["failure"] = asdict(outcome.failure)
    return data


def last_word(journals: JournalReader, run_id: str) -> Event | None:
    """Return the result or error of the current attempt; None when it left none yet."""
    event = _last(journals, run_id, _WORDS)
    return None if event is None or event.kind is EventKind.STATUS else event


def when_begun(journals: JournalReader, run_id: str, attempt: int) -> float | None:
    """Return when this attempt, the last one, said that it runs; None when it did not.

    Raises:
        JournalError: The journal is damaged near its end.
    """
    # Behind it there may be word of a pause before the next one, and of the end.
    words = journals.tail(run_id, 3, kinds=frozenset({EventKind.STATUS})).items
    return next((word.time for word in words if word.data.get("attempt") == attempt), None)


def ending_of(journals: JournalReader, run_id: str) -> Ending:
    """Return what the journal says of how the run ended.

    Raises:
        JournalError: The journal is damaged near its end.
    """
    event = _last(journals, run_id, _WORDS)
    if event is None:
        return Ending(None, is_final=False)
    if event.kind is EventKind.OUTPUT:
        return Ending(Outcome(RunStatus.SUCCEEDED, result=event.data.get("result")), is_final=False)
    if event.kind is EventKind.ERROR:
        failure = parse_failure(event.data)
        if failure.code == "run_cancelled":
            return Ending(Outcome(RunStatus.CANCELLED), is_final=False)
        return Ending(Outcome(RunStatus.FAILED, failure=failure), is_final=False)
    if not is_end(event):
        return Ending(None, is_final=False)
    status = RunStatus(str(event.data["status"]))
    return Ending(_final_outcome(journals, run_id, status, event.data), is_final=True)


def parse_failure(data: JSONObject) -> RunFailure:
    """Read the data of an `error` event."""
    return RunFailure(
        type=str(data.get("type", "Exception")),
        message=str(data.get("message", "")),
        code=str(data.get("code", "action_failed")),
        hint=str(data.get("hint", "")),
        where=_parse_frame(data.get("where")),
        traceback=str(data.get("traceback", "")),
    )


def is_lasting(failure: RunFailure) -> bool:
    """Whether another attempt would fail in the same way."""
    return failure.code in _LASTING


def _parse_frame(where: JSONValue) -> Frame | None:
    if not isinstance(where, dict):
        return None
    return Frame(
        file=str(where["file"]),
        line=int(str(where["line"])),
        function=str(where["function"]),
        source=str(where.get("source", "")),
    )


def _final_outcome(
    journals: JournalReader, run_id: str, status: RunStatus, data: JSONObject
) -> Outcome:
    if status is RunStatus.SUCCEEDED:
        output = _last(journals, run_id, frozenset({EventKind.OUTPUT}))
        return Outcome(status, result=output.data.get("result") if output is not None else None)
    failure = data.get("failure")
    return Outcome(status, failure=parse_failure(failure) if isinstance(failure, dict) else None)


def _last(journals: JournalReader, run_id: str, kinds: frozenset[EventKind]) -> Event | None:
    events = journals.tail(run_id, 1, kinds=kinds).items
    return events[-1] if events else None

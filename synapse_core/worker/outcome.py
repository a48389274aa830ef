"""Decides how an attempt ended, from what it recorded and how its process left."""

import signal

from synapse_core.model.event import EventKind
from synapse_core.model.run import Outcome, RunFailure, RunStatus
from synapse_core.ports import JournalReader
from synapse_core.runs.endings import is_lasting, last_word, parse_failure
from synapse_core.worker.attempt import AttemptEnd, StopReason

__all__ = ["decide_outcome", "is_worth_repeating"]

_SIGNAL_HINTS = {
    signal.SIGKILL: "Mostly the machine ran out of memory: use smaller batches, or give the "
    "action less data at once.",
    signal.SIGSEGV: "A C extension read memory it must not. The log ends with the Python stack.",
    signal.SIGABRT: "A C library gave up; its last words stand in the log.",
    signal.SIGBUS: "A mapped file shrank, or the disk is full.",
    signal.SIGXFSZ: "It wrote a file larger than it may.",
}


def decide_outcome(
    journals: JournalReader, run_id: str, end: AttemptEnd, *, timeout_s: float | None
) -> Outcome:
    """Return how the attempt ended.

    A recorded result stands, also when the process crashed afterwards or was asked to stop a
    moment too late. Otherwise the reason it was stopped counts more than what it said of it.
    """
    recorded = last_word(journals, run_id)
    if recorded is not None and recorded.kind is EventKind.OUTPUT:
        return Outcome(RunStatus.SUCCEEDED, result=recorded.data["result"])
    said = parse_failure(recorded.data) if recorded is not None else None
    match end.stopped:
        case StopReason.CANCEL | StopReason.FORCE:
            return Outcome(RunStatus.CANCELLED)
        case StopReason.TIMEOUT:
            failure = _timed_out(timeout_s, said)
        case StopReason.SHUTDOWN | StopReason.CUT:
            failure = _SHUT_DOWN
        case None:
            failure = said or _crashed(end)
    if failure.code == "run_cancelled":
        return Outcome(RunStatus.CANCELLED)
    return Outcome(RunStatus.FAILED, failure=failure)


def is_worth_repeating(outcome: Outcome, end: AttemptEnd) -> bool:
    """Whether another attempt might end better."""
    return (
        outcome.status is RunStatus.FAILED
        and end.stopped in {None, StopReason.TIMEOUT}
        and (outcome.failure is None or not is_lasting(outcome.failure))
    )


_SHUT_DOWN = RunFailure(
    type="WorkerLostError",
    message="The worker was told to stop before the action had ended.",
    code="worker_lost",
    hint="The machine is shutting down or somebody stopped the worker. Run it again.",
)


def _timed_out(timeout_s: float | None, said: RunFailure | None) -> RunFailure:
    return RunFailure(
        type="RunTimeoutError",
        message=f"The attempt took longer than its {timeout_s:g} s and was stopped.",
        code="run_timeout",
        hint="Raise the timeout (`timeout` of the action in config.yaml, or of this run), or let "
        "the action do less.",
        where=said.where if said is not None else None,
        traceback=said.traceback if said is not None else "",
    )


def _crashed(end: AttemptEnd) -> RunFailure:
    if end.last_words:
        return RunFailure(
            type="ProcessExit",
            message=f"How the action ended could not be recorded: {end.last_words}",
            code="action_failed",
            hint="Free disk space, or have the action leave its files, limits and builtins alone; "
            "then run it again.",
        )
    exit_code = end.exit_code
    if exit_code >= 0:
        return RunFailure(
            type="ProcessExit",
            message=f"The process of the action left with status {exit_code} and without a result.",
            code="action_failed",
            hint="Something called os._exit. Return a value instead.",
        )
    number = signal.Signals(-exit_code)
    return RunFailure(
        type="ProcessKilled",
        message=f"The process of the action was killed by {number.name} "
        f"({signal.strsignal(number)}).",
        code="action_failed",
        hint=_SIGNAL_HINTS.get(number, "Something outside the action sent this signal."),
    )

"""What of a run may be shown: all of it but its secrets.

The store keeps params and variables as they were given, because a rerun needs them. Journals, and
so results and errors, hold no secret from the start. Whoever shows a run shows it as it is here.
"""

from dataclasses import replace
from typing import cast

from synapse_core.logs.redact import Redactor
from synapse_core.model.run import Run, RunFailure, RunSummary
from synapse_core.types import JSONObject, JSONValue

__all__ = ["redactor_of", "without_secrets"]


def redactor_of(run: Run) -> Redactor:
    """Return what hides the secrets that the run was given, and those known by their shape.

    Args:
        run: As it was stored, with its secrets.
    """
    return Redactor.for_run(run.env, run.params)


def without_secrets(run: Run) -> Run:
    """Return the run with its secrets replaced wherever they stand; nothing else changes."""
    redactor = redactor_of(run)
    key = run.idempotency_key
    return replace(
        run,
        params=_hide_below(run.params, redactor),
        env=cast("dict[str, str]", _hide_below(dict[str, JSONValue](run.env), redactor)),
        idempotency_key=redactor.text(key) if key is not None else None,
        result=redactor.value(run.result),
        failure=_hide_in_failure(run.failure, redactor) if run.failure is not None else None,
        summary=_hide_in_summary(run.summary, redactor),
    )


def _hide_below(content: JSONObject, redactor: Redactor) -> JSONObject:
    return cast("JSONObject", redactor.value(content))


def _hide_in_failure(failure: RunFailure, redactor: Redactor) -> RunFailure:
    where = failure.where
    return replace(
        failure,
        message=redactor.text(failure.message),
        hint=redactor.text(failure.hint),
        where=replace(where, source=redactor.text(where.source)) if where is not None else None,
        traceback=redactor.text(failure.traceback),
    )


def _hide_in_summary(summary: RunSummary, redactor: Redactor) -> RunSummary:
    metrics = {name: _hide_below(values, redactor) for name, values in summary.metrics.items()}
    return replace(summary, metrics=metrics, last_message=redactor.text(summary.last_message))

"""The legal changes of a run, as functions from a run to the changed one.

Every store applies these while nobody else can change the run. A function that returns its argument
says that there is nothing to write.
"""

from dataclasses import replace

from synapse_core.errors import ConflictError, InvalidInputError, LeaseLostError
from synapse_core.model.run import Outcome, Run, RunStatus, RunSummary

__all__ = [
    "begin_attempt",
    "check_new",
    "claim",
    "claim_ahead",
    "finish",
    "heartbeat",
    "release",
    "request_cancel",
    "take_over",
]


def check_new(run: Run) -> None:
    """Look whether the run is one that can be created.

    Raises:
        InvalidInputError: It is not pending.
    """
    if run.status is not RunStatus.PENDING:
        raise InvalidInputError(
            f"Run {run.id} is {run.status} already.",
            hint="Create it pending; it changes by claiming and finishing it.",
            run_id=run.id,
        )


def claim(run: Run, *, owner: str, lease_s: float, now: float) -> Run | None:
    """Give a pending run to the owner; None when it is not pending."""
    if run.status is not RunStatus.PENDING:
        return None
    return replace(
        run,
        status=RunStatus.RUNNING,
        owner=owner,
        lease_expires_at=now + lease_s,
        attempt=run.attempt + 1,
        started_at=now,
    )


def claim_ahead(run: Run, *, owner: str, lease_s: float, now: float) -> Run | None:
    """Give a pending run to an owner that begins it later; None when it is not pending."""
    claimed = claim(run, owner=owner, lease_s=lease_s, now=now)
    return None if claimed is None else replace(claimed, started_at=None)


def heartbeat(
    run: Run, *, owner: str, lease_s: float, summary: RunSummary | None, now: float
) -> Run:
    """Extend the owner's lease.

    Raises:
        LeaseLostError: The run is not the owner's.
    """
    _check_owner(run, owner)
    return replace(
        run,
        lease_expires_at=now + lease_s,
        started_at=now if run.started_at is None else run.started_at,
        summary=run.summary if summary is None else summary,
    )


def begin_attempt(run: Run, *, owner: str, attempt: int, now: float) -> Run:
    """Count the owner's next attempt, or know that one began that was claimed ahead.

    Raises:
        LeaseLostError: The run is not the owner's.
        ConflictError: A later attempt was begun already.
    """
    _check_owner(run, owner)
    if attempt < run.attempt:
        raise ConflictError(
            f"Attempt {attempt} of run {run.id} cannot begin after attempt {run.attempt}.",
            hint="Count on from the attempt that the claim returned.",
            run_id=run.id,
        )
    if attempt == run.attempt and run.started_at is not None:
        return run
    return replace(run, attempt=attempt, started_at=run.started_at or now)


def finish(
    run: Run,
    outcome: Outcome,
    *,
    owner: str | None,
    summary: RunSummary | None,
    now: float,
    started_at: float | None = None,
) -> Run:
    """End the run; one that has ended stays as it is.

    `started_at` tells when a run began that was claimed ahead.

    Raises:
        InvalidInputError: The outcome's status is not terminal.
        LeaseLostError: The run is neither the owner's nor, for no owner, pending.
    """
    if not outcome.status.is_terminal:
        raise InvalidInputError(
            f"A run cannot end as {outcome.status}.",
            hint="Give the outcome a status that is terminal.",
            run_id=run.id,
        )
    if run.status.is_terminal:
        return run
    if owner is not None or run.status is not RunStatus.PENDING:
        _check_owner(run, owner)
    return replace(
        run,
        status=outcome.status,
        result=outcome.result,
        failure=outcome.failure,
        summary=run.summary if summary is None else summary,
        owner=None,
        lease_expires_at=None,
        started_at=run.started_at if started_at is None else started_at,
        finished_at=now,
    )


def take_over(
    run: Run, *, expected_owner: str, owner: str, lease_s: float, now: float
) -> Run | None:
    """Pass a running run on; None when it is not the expected owner's."""
    if run.status is not RunStatus.RUNNING or run.owner != expected_owner:
        return None
    return replace(run, owner=owner, lease_expires_at=now + lease_s)


def release(run: Run, *, expected_owner: str) -> Run | None:
    """Make a running run pending again; None when it may not be made so.

    The attempt of a run that was claimed ahead and not begun does not count.
    """
    if run.status is not RunStatus.RUNNING or run.owner != expected_owner:
        return None
    if run.cancel_requested_at is not None:
        return None
    return replace(
        run,
        status=RunStatus.PENDING,
        attempt=run.attempt - (run.started_at is None),
        owner=None,
        lease_expires_at=None,
        started_at=None,
    )


def request_cancel(run: Run, *, force: bool, now: float) -> Run:
    """Keep the request for the owner of a running run; end a pending one."""
    if run.status.is_terminal:
        return run
    requested = replace(
        run,
        cancel_requested_at=run.cancel_requested_at or now,
        cancel_force=run.cancel_force or force,
    )
    if run.status is RunStatus.PENDING:
        return replace(requested, status=RunStatus.CANCELLED, finished_at=now)
    return run if requested == run else requested


def _check_owner(run: Run, owner: str | None) -> None:
    if run.status is RunStatus.RUNNING and run.owner == owner:
        return
    state = f"owned by {run.owner}" if run.status is RunStatus.RUNNING else run.status.value
    raise LeaseLostError(
        f"Run {run.id} is {state}, so that {owner or 'nobody'} cannot change it.",
        hint="Stop working on it; what it is now is for others to say.",
        run_id=run.id,
        owner=run.owner,
        status=run.status.value,
    )

"""What is kept of finished steps, and what of it an interrupted action can go on with.

Each finished step leaves a record in the journal: its result, and the state of the context after
it. Records form a chain. Each has an id, the digest of all it says, which includes the id of the
record before it; the first begins at the digest of the params. So a record holds only as long as
the params and every step before it are the same, and what the journal has altered, by redacting a
secret, is noticed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, cast
from weakref import WeakKeyDictionary

from pydantic_core import from_json, to_json

from synapse_core.model.event import EventKind
from synapse_core.runtime.context import RuntimeContext
from synapse_core.steps.base import BaseStep
from synapse_core.steps.context import BaseStepContext
from synapse_core.steps.results import StepResult
from synapse_core.steps.state import UnsavableStateError, is_json
from synapse_core.types import JSONObject, JSONValue

__all__ = ["Kept", "StepCheckpoints"]

_orchestrations: WeakKeyDictionary[RuntimeContext, int] = WeakKeyDictionary()
"""How many orchestrators with records each action has made so far."""

MAX_RECORD_BYTES = 4 << 20
"""A journal is no place for data: what is larger belongs into a file that the context names."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What earlier attempts left.

    Attributes:
        results: Results of the first steps, which need not run again.
        reason: Why no more of them can be taken over; empty when none was left.
    """

    results: tuple[StepResult, ...]
    reason: str = ""


class StepCheckpoints:
    """Saves the records of one action, and reads those of its earlier attempts.

    Args:
        runtime: Where they are kept.
        params: What the action was given; a record of other params is not taken over. None keeps
            no records.
    """

    def __init__(self, runtime: RuntimeContext, params: JSONValue) -> None:
        self._runtime = runtime
        self._is_on = params is not None
        self._root = _next_root(runtime) if self._is_on else ""
        self._last_id = _digest(to_json(params))
        self._told: set[str] = set()

    def take_over(self, steps: Sequence[BaseStep[Any]], context: BaseStepContext) -> Kept:
        """Bring the context to where the last finished step left it.

        Only an unbroken row from the first step on counts, up to the last one whose state was
        saved whole.
        """
        records, reason = self._read(steps) if self._is_on else ([], "")
        while records and records[-1]["state"] is None:
            lost = records.pop()["lost"]
            reason = f"after {steps[len(records)].name!r}, {lost} could not be saved"
        if not records:
            return Kept((), reason)
        try:
            context.restore_state(_object(records[-1]["state"]))
        except Exception as error:  # noqa: BLE001 - of any kind: the hook may be the user's own
            return Kept((), f"the saved state does not fit: {error}")
        self._last_id = str(records[-1]["id"])
        # In one piece: this run's own journal now has all that a later resume needs.
        kept = {step.name: record for step, record in zip(steps, records, strict=False)}
        self._keep(self._root, dict[str, JSONValue](kept))
        return Kept(tuple(_read_result(_object(record["result"])) for record in records), reason)

    def save(self, step: BaseStep[Any], result: StepResult, context: BaseStepContext) -> None:
        """Record that the step has finished; after that, no resume executes it again."""
        if not self._is_on:
            return
        state, lost = self._capture(step, context)
        record: dict[str, object] = {
            "after": self._last_id,
            "step": step.identity,
            "result": _write_result(result),
            "state": state,
            "lost": lost,
        }
        text = to_json(record)
        if len(text) > MAX_RECORD_BYTES:
            lost = f"more than {MAX_RECORD_BYTES >> 20} MiB"
            self._tell_lost(step, lost)
            record |= {"result": None, "state": None, "lost": lost}
            text = to_json(record)
        self._last_id = _digest(text)
        # Read back, it shares nothing with the context, which the next step changes.
        self._keep(f"{self._root}/{step.name}", {**from_json(text), "id": self._last_id})

    def revoke(self, step: BaseStep[Any]) -> None:
        """Record that the step no longer counts as finished."""
        if self._is_on:
            self._keep(f"{self._root}/{step.name}", {"revoked": True})

    def _keep(self, name: str, state: JSONObject) -> None:
        # As `save_checkpoint` does, without its look at each value: that was done already.
        self._runtime.emit(EventKind.CHECKPOINT, {"name": name, "state": state})

    def _read(self, steps: Sequence[BaseStep[Any]]) -> tuple[list[JSONObject], str]:
        """Return the unbroken row of records, and why it ends."""
        load = self._runtime.load_checkpoint
        earlier = load(self._root) or {}
        found = [load(f"{self._root}/{step.name}") or earlier.get(step.name) for step in steps]
        row: list[JSONObject] = []
        after = self._last_id
        for step, record in zip(steps, found, strict=True):
            if not isinstance(record, dict):
                is_last = not any(found[len(row) :])
                return row, "" if is_last else f"{step.name!r} has not run yet"
            flaw = _find_flaw(record, step, after)
            if flaw:
                return row, f"{step.name!r} {flaw}"
            row.append(record)
            after = str(record["id"])
        return row, ""

    def _capture(
        self, step: BaseStep[Any], context: BaseStepContext
    ) -> tuple[JSONObject | None, str]:
        """Return the context's state, or None and what of it could not be saved."""
        try:
            state: object = context.save_state()
        except UnsavableStateError as error:
            lost = ", ".join(error.names)
        except Exception as error:  # noqa: BLE001 - of any kind: the hook may be the user's own
            lost = f"save_state ({type(error).__name__}: {error})"
        else:
            # The default has looked at each value already.
            if self._is_default(context) or (type(state) is dict and is_json(state)):
                return cast("JSONObject", state), ""
            lost = "what save_state returned"
        self._tell_lost(step, lost)
        return None, lost

    @staticmethod
    def _is_default(context: BaseStepContext) -> bool:
        return type(context).save_state is BaseStepContext.save_state

    def _tell_lost(self, step: BaseStep[Any], lost: str) -> None:
        if lost in self._told:
            return
        self._told.add(lost)
        self._runtime.logger.info(
            "After step %r the context cannot be saved: %s. Were the worker lost, this step would "
            "run again. Annotate the attribute with a type that JSON can carry, let its name begin "
            "with _ if create_context makes it, or override save_state and restore_state.",
            step.name,
            lost,
        )


def _next_root(runtime: RuntimeContext) -> str:
    """Return the name of this orchestrator's records; a second one of an action has its own."""
    count = _orchestrations[runtime] = _orchestrations.get(runtime, 0) + 1
    return "steps" if count == 1 else f"steps-{count}"


def _find_flaw(record: JSONObject, step: BaseStep[Any], after: str) -> str:
    """Return why the record does not hold for the step; empty when it does."""
    if record.get("revoked"):
        return "was rolled back"
    if record.get("after") != after:
        return "ran with other params, or behind other steps"
    if record.get("step") != step.identity:
        return f"is {step.identity} now and was {record.get('step')}"
    said = {key: value for key, value in record.items() if key != "id"}
    if _digest(to_json(said)) != record.get("id"):
        return "left something that a journal does not keep, such as a secret"
    if record["result"] is None:
        return "returned data that JSON cannot carry"
    return ""


def _write_result(result: StepResult) -> dict[str, object] | None:
    """Return the result as `to_json` can write it; None when JSON cannot carry its data."""
    data, rollback_data = result.data, result.rollback_data
    if not is_json(data) or not is_json(rollback_data):
        return None
    return {
        "data": data,
        "rollback_data": rollback_data,
        "skipped": result.skipped,
        "timestamp": result.timestamp,
    }


def _read_result(written: JSONObject) -> StepResult:
    return StepResult(
        data=_object(written["data"]),
        rollback_data=_object(written["rollback_data"]),
        skipped=bool(written["skipped"]),
        timestamp=datetime.fromisoformat(str(written["timestamp"])),
    )


def _object(value: JSONValue) -> JSONObject:
    """Return the value, of which the digest has shown that it is what `save` wrote."""
    if not isinstance(value, dict):
        raise TypeError("a record of a step is damaged")
    return value


def _digest(text: bytes) -> str:
    return sha256(text, usedforsecurity=False).hexdigest()

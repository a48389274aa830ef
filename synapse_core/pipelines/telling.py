"""How the nodes of a pipeline appear in its log."""

from collections.abc import Collection, Mapping

from synapse_core.errors import PipelineError
from synapse_core.model.event import EventKind
from synapse_core.model.run import Run, RunFailure, RunStatus
from synapse_core.pipelines.schedule import Schedule, Transition
from synapse_core.runtime.context import RuntimeContext
from synapse_core.types import JSONObject, JSONValue

__all__ = ["NODES", "Teller", "failure_of_run", "pipeline_error"]

NODES = "nodes"
"""Category of the pipeline's own progress: how many nodes have ended."""

_STARTED = "started"
_MOST_NAMED = 5


class Teller:
    """Records what becomes of the nodes, each change once.

    Args:
        context: Where it is recorded.
        schedule: The progress of the run.
        told: What was told of each node before, by whoever executed the run then.
    """

    def __init__(
        self, context: RuntimeContext, schedule: Schedule, told: Mapping[str, str] | None = None
    ) -> None:
        self._context = context
        self._schedule = schedule
        self._told = dict(told or {})
        self._reused: dict[str, str] = {}
        self._executed: set[str] = set()
        self._run_ids: dict[str, str] = {}

    def announce(self) -> None:
        """Record that nodes wait, for those who do not have the plan."""
        for name in self._schedule.states:
            if name not in self._told:
                self._told[name] = RunStatus.PENDING
                self._context.emit(
                    EventKind.STEP, self._facts(Transition(name, RunStatus.PENDING), "pending")
                )

    def note_reuse(self, name: str, reason: str) -> None:
        """Remember that a node takes over an earlier result."""
        self._reused[name] = reason

    def note_execution(self, name: str) -> None:
        """Remember that a node is executed, at least in part."""
        self._executed.add(name)

    def note_run(self, name: str, run_id: str) -> None:
        """Remember the run of a node."""
        self._run_ids.setdefault(name, run_id)

    def tell(self) -> None:
        """Record what has changed since the last call."""
        has_ended = False
        for transition in self._schedule.transitions():
            word = self._word(transition)
            before = self._told.get(transition.name)
            if before == word or (
                before not in {None, _STARTED, RunStatus.PENDING} and word == _STARTED
            ):
                continue
            self._told[transition.name] = word
            self._context.emit(EventKind.STEP, self._facts(transition, word))
            has_ended = has_ended or word != _STARTED
        if has_ended:
            self._context.set_progress(self._schedule.done, len(self._schedule.states), NODES)

    def tell_undone(self, key: str, run: Run) -> None:
        """Record how it went to undo an execution."""
        is_undone = run.status is RunStatus.SUCCEEDED
        facts: JSONObject = {
            "name": key,
            "transition": "rolled_back" if is_undone else "rollback_failed",
            "run_id": run.id,
        }
        if run.failure is not None:
            facts["error"] = run.failure.message
        if self._told.get(key) != facts["transition"]:
            self._context.emit(EventKind.STEP, facts)

    def _word(self, transition: Transition) -> str:
        if transition.status is RunStatus.RUNNING:
            return _STARTED
        if transition.status is RunStatus.SUCCEEDED and self._is_reused(transition.name):
            return RunStatus.SKIPPED.value
        return transition.status.value

    def _is_reused(self, name: str) -> bool:
        return name in self._reused and name not in self._executed

    def _facts(self, transition: Transition, word: str) -> JSONObject:
        name = transition.name
        facts: JSONObject = {
            "name": name,
            "transition": word,
            "number": self._schedule.number_of(name),
            "total": len(self._schedule.states),
        }
        is_taken = word == RunStatus.SKIPPED.value and self._is_reused(name)
        reason = transition.reason or (self._reused[name] if is_taken else "")
        if reason:
            facts["error" if transition.status is RunStatus.FAILED else "reason"] = reason
        if name in self._run_ids:
            facts["run_id"] = self._run_ids[name]
        return facts


def pipeline_error(
    schedule: Schedule,
    *,
    late_after_s: float | None = None,
    failed_runs: Mapping[str, str] | None = None,
    undone: Collection[str] = (),
) -> PipelineError:
    """Return why a pipeline failed.

    Args:
        schedule: How it stands.
        late_after_s: Seconds that it was allowed to take, when it took longer.
        failed_runs: Ids of the runs that failed, by node, where nodes have runs of their own.
        undone: Nodes of which something was undone, so that their results no longer hold.
    """
    failed = schedule.failed
    results = {name: one for name, one in schedule.results().items() if name not in undone}
    if late_after_s is not None:
        return PipelineError(
            f"The pipeline took longer than its {late_after_s:g} s and was stopped.",
            hint="Raise its timeout, and resume the run: what finished is not done again.",
            results=results,
        )
    state = schedule.states[failed[0]]
    kind = f"{state.failure.type}: " if state.failure is not None else ""
    others = failed[1 : 1 + _MOST_NAMED]
    more = f" Also failed: {', '.join(others)}." if others else ""
    hint = state.failure.hint if state.failure is not None else ""
    run_id = (failed_runs or {}).get(failed[0])
    read_on = f"The log of {run_id} tells more." if run_id is not None else ""
    return PipelineError(
        f"The node {failed[0]} failed: {kind}{state.reason}{more}",
        hint=f"{hint} {read_on}".strip(),
        node=failed[0],
        failed=list[JSONValue](failed),
        results=results,
    )


def failure_of_run(run: Run) -> RunFailure:
    """Return why the run of a node has no result."""
    if run.failure is not None:
        return run.failure
    return RunFailure("RunCancelledError", "Somebody cancelled it.", "run_cancelled")

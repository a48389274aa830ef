"""Undoes what the nodes of a failed pipeline run did, the latest first."""

from synapse_core.model.pipeline import Node, Plan, rollback_key
from synapse_core.model.run import Run, RunStatus
from synapse_core.pipelines.placing import NodeRuns
from synapse_core.pipelines.telling import Teller
from synapse_core.ports import RunStore
from synapse_core.runs.nodes import Bell, list_nodes
from synapse_core.runs.wake import FileWatch
from synapse_core.types import JSONObject

__all__ = ["Rollback", "undo_params"]

_DONE = frozenset({RunStatus.SUCCEEDED, RunStatus.SKIPPED})
_LOOK_S = 1.0


def undo_params(accepts: tuple[str, ...] | None, run: Run) -> JSONObject:
    """Return what an action is given to undo a run: of its params and result what it takes."""
    fields = run.result if isinstance(run.result, dict) else {}
    given = {**run.params, **fields}
    return {key: value for key, value in given.items() if accepts is None or key in accepts}


class Rollback:
    """Executes the actions that undo others; each is a run of its own, made once.

    Args:
        plan: The plan.
        store: Where the runs are kept.
        runs: Makes and minds runs.
        bell: Tells when one ends.
        teller: Tells how it goes.
    """

    def __init__(
        self, plan: Plan, store: RunStore, runs: NodeRuns, bell: Bell, teller: Teller
    ) -> None:
        self._nodes = {node.name: node for node in plan.nodes if node.undo is not None}
        self._store = store
        self._runs = runs
        self._bell = bell
        self._teller = teller

    def perform(self, pipeline_run_id: str) -> None:
        """Undo what finished; one that cannot be undone keeps none of the others from it."""
        if not self._nodes:
            return
        done = list(list_nodes(self._store, pipeline_run_id, _DONE))
        with FileWatch(self._bell.path) as watch:
            for run in sorted(done, key=lambda run: run.finished_at or 0.0, reverse=True):
                node = self._nodes.get(run.node.partition("[")[0])
                if node is not None and ":" not in run.node:
                    self._undo(node, self._store.get(run.id), watch)

    def _undo(self, node: Node, run: Run, watch: FileWatch) -> None:
        if node.undo is None:
            return
        params = undo_params(node.undo.accepts, run)
        undo = self._runs.make_undo(rollback_key(run.node), node.undo, params)
        if undo.status is RunStatus.PENDING:
            undo = self._runs.place(undo)
        while not undo.status.is_terminal:
            watch.wait(_LOOK_S)
            undo = self._runs.look_after(undo.id)
        self._teller.tell_undone(run.node, undo)

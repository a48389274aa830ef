"""Undoes what the nodes of a failed pipeline run did, the latest first."""

from synapse_core.config.home import Home
from synapse_core.model.pipeline import Node, Plan, Target, rollback_key
from synapse_core.model.run import Run, RunStatus
from synapse_core.pipelines.placing import NodeRuns
from synapse_core.pipelines.telling import Teller
from synapse_core.pipelines.undone import Undone, ancestry, lineage
from synapse_core.ports import RunStore
from synapse_core.runs.nodes import Bell, list_nodes
from synapse_core.runs.wake import FileWatch

__all__ = ["Rollback"]

_DONE = frozenset({RunStatus.SUCCEEDED, RunStatus.SKIPPED})
_LOOK_S = 1.0


class Rollback:
    """Executes the actions that undo others; each is a run of its own, made once.

    Args:
        home: Where runs lie.
        store: Where they are kept.
        teller: Tells how it goes.
    """

    def __init__(self, home: Home, store: RunStore, teller: Teller) -> None:
        self._home = home
        self._store = store
        self._teller = teller
        self._undone = Undone(home, store)

    def perform(self, run: Run, plan: Plan, runs: NodeRuns, *, within: str = "") -> None:
        """Undo what finished; one that cannot be undone keeps none of the others from it.

        What was taken from the cache stays: another pipeline did it.

        Args:
            run: The pipeline run.
            plan: Its plan.
            runs: Makes and minds the runs of its nodes.
            within: Where it stands among the nodes of the pipeline that failed.
        """
        if not _can_undo(plan):
            return
        nodes = {node.name: node for node in plan.nodes}
        *_, made_by = lineage(self._store, run)
        own = {one.id for one in ancestry(self._store, run)}
        executed = [one for one in list_nodes(self._store, made_by.id) if ":" not in one.node]
        with FileWatch(Bell(self._home, run.id).path) as watch:
            for one in sorted(executed, key=lambda one: one.finished_at or 0.0, reverse=True):
                node = nodes[one.node.partition("[")[0]]
                if not self._is_own(one, own):
                    continue
                place = f"{within}{one.node}"
                if node.undo is not None and one.status in _DONE:
                    undo = self._undo(run, node.undo, one, runs, watch)
                    if undo is not None:
                        self._teller.tell_undone(place, undo)
                else:
                    self._go_inside(one, node, runs, f"{place}/")

    def _go_inside(self, run: Run, node: Node, runs: NodeRuns, within: str) -> None:
        """Undo what the nodes of a pipeline did that is a node itself."""
        plan = node.target.plan
        if plan is not None and run.status is not RunStatus.PENDING:
            self.perform(run, plan, runs.inside(run), within=within)

    def _undo(
        self, pipeline_run: Run, action: Target, listed: Run, runs: NodeRuns, watch: FileWatch
    ) -> Run | None:
        """Undo an execution; None when another pipeline run has, that took its result over too."""
        if self._undone.by(listed) not in {None, pipeline_run.id}:
            return None
        run = self._store.get(listed.id)  # with params and result
        params = action.undo_params(run.params, run.result)
        undo = runs.make_undo(rollback_key(run.node), action, params)
        self._undone.mark(run, pipeline_run.id)
        if undo.status is RunStatus.PENDING:
            undo = runs.place(undo)
        while not undo.status.is_terminal:
            watch.wait(_LOOK_S)
            undo = runs.look_after(undo.id)
        return undo

    def _is_own(self, run: Run, own: set[str]) -> bool:
        *_, made = lineage(self._store, run)
        return made.parent_id in own


def _can_undo(plan: Plan) -> bool:
    return any(
        node.undo is not None or (node.target.plan is not None and _can_undo(node.target.plan))
        for node in plan.nodes
    )

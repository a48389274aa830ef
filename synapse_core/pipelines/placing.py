"""The runs of nodes: made once, placed, looked after, stopped."""

import time
from collections.abc import Mapping
from dataclasses import replace

from synapse_core.config.home import Home
from synapse_core.errors import StorageError, SynapseError
from synapse_core.model.pipeline import Plan, Target, first_action
from synapse_core.model.run import (
    Outcome,
    Resources,
    RetryPolicy,
    Run,
    RunFailure,
    RunKind,
    RunStatus,
)
from synapse_core.pipelines.plan_files import save_plan
from synapse_core.pipelines.reusing import Reuse
from synapse_core.pipelines.schedule import Call
from synapse_core.ports import Executor, RunStore
from synapse_core.runs.ids import new_run_id
from synapse_core.runs.nodes import make_shared_folder
from synapse_core.runs.recovery import recover_if_abandoned
from synapse_core.types import JSONObject
from synapse_core.worker.work import PIPELINE_VARIABLE

__all__ = ["KEEPS_ON", "NodeRuns"]

KEEPS_ON = RetryPolicy(retries=30, backoff_s=0.05, max_backoff_s=5.0)
"""Of a pipeline run: a worker that conducts one and is killed is followed by another, which goes on
where it was. Its nodes have policies of their own."""

_UNCLAIMED_S = 5.0
"""A placed run is claimed within milliseconds; one that is not by then was lost on the way."""


class NodeRuns:
    """Makes and minds the runs of one pipeline run's nodes.

    A run is made under a key that follows from the pipeline run and the node. Whoever asks for it
    again, after a crash at any moment, gets the same one.

    Args:
        home: Where runs lie.
        store: Where they are kept.
        executor: What places those that execute actions.
        conductor: What places those that are pipelines themselves.
        pipeline_run: The run whose nodes they are.
        plan: Its plan.
    """

    def __init__(
        self,
        home: Home,
        store: RunStore,
        executor: Executor,
        conductor: Executor,
        pipeline_run: Run,
        plan: Plan,
    ) -> None:
        self._home = home
        self._store = store
        self._executor = executor
        self._conductor = conductor
        self._executors = {RunKind.ACTION: executor, RunKind.PIPELINE: conductor}
        self._parent = pipeline_run
        self._plan = plan

    def make(self, call: Call, reuse: Reuse | None) -> Run:
        """Return the run of an execution, new or as it was made before."""
        node = call.node
        return self._create(
            call.key,
            node.target,
            call.params,
            retry=node.retry,
            resources=node.resources,
            timeout_s=node.timeout_s,
            rerun_of=reuse.run.id if reuse is not None else None,
            resume=reuse is not None and not reuse.is_whole,
        )

    def make_undo(self, key: str, target: Target, params: JSONObject) -> Run:
        """Return the run that undoes an execution, new or as it was made before."""
        return self._create(key, target, params)

    def take_result(self, run: Run, source: Run) -> Run:
        """End a pending run with the result of an earlier one, without executing it."""
        outcome = Outcome(RunStatus.SKIPPED, result=source.result)
        return self._store.finish(run.id, outcome, owner=None)

    def place(self, run: Run) -> Run:
        """Have a pending run executed; when that cannot be, it has failed."""
        try:
            if run.kind is RunKind.PIPELINE:
                self._prepare(run)
            self._executors[run.kind].submit(run)
        except SynapseError as error:
            failure = RunFailure(type(error).__name__, error.message, error.code, error.hint)
            return self._store.finish(
                run.id, Outcome(RunStatus.FAILED, failure=failure), owner=None
            )
        return run

    def look_after(self, run_id: str) -> Run:
        """Return a run as it is; one whose worker vanished is settled, or placed again."""
        run = self._store.get(run_id)
        if run.status is RunStatus.RUNNING:
            run = recover_if_abandoned(self._store, self._home, run)
            is_lost = run.status is RunStatus.PENDING
        else:
            age_s = time.time() - run.created_at
            is_lost = run.status is RunStatus.PENDING and age_s > _UNCLAIMED_S
        return self.place(run) if is_lost else run

    def stop(self, run_id: str) -> Run:
        """Ask a run to stop."""
        run = self._store.request_cancel(run_id)
        if not run.status.is_terminal:
            self._executors[run.kind].cancel(run)
        return run

    def inside(self, run: Run) -> "NodeRuns":
        """Return what minds the nodes of a pipeline that is a node of this one.

        Raises:
            StorageError: The folder of its run cannot be made.
        """
        plan = self._prepare(run)  # a run whose result was taken over has no folder yet
        return NodeRuns(self._home, self._store, self._executor, self._conductor, run, plan)

    def _prepare(self, run: Run) -> Plan:
        """Write down what a pipeline that is a node executes; again after a crash in between."""
        name = run.node.partition("[")[0]
        target = next(node.target for node in self._plan.nodes if node.name == name)
        if target.plan is None:
            raise TypeError(f"{name} is no pipeline")
        plan = replace(target.plan, executor=self._plan.executor)
        try:
            self._home.run_dir(run.id).mkdir(mode=0o700, parents=True, exist_ok=True)
            save_plan(self._home, run.id, plan)
            make_shared_folder(self._home, run)
        except OSError as error:
            raise StorageError(
                f"Cannot make the folder of {run.id}: {error.strerror}.",
                hint="Free disk space or check the permissions.",
            ) from error
        return plan

    def _create(
        self,
        key: str,
        target: Target,
        params: JSONObject,
        *,
        retry: RetryPolicy = RetryPolicy(),
        resources: Resources = Resources(),
        timeout_s: float | None = None,
        rerun_of: str | None = None,
        resume: bool = False,
    ) -> Run:
        now = time.time()
        parent = self._parent
        variables: Mapping[str, str] = {PIPELINE_VARIABLE: self._plan.name}
        inner = target.plan
        owner = target if target.plugin_path else first_action(target)
        run = Run(
            id=new_run_id(now),
            kind=RunKind.ACTION if inner is None else RunKind.PIPELINE,
            plugin=owner.plugin,
            plugin_version=owner.plugin_version,
            plugin_path=owner.plugin_path,
            action=target.action,
            entrypoint=target.entrypoint,
            params=params,
            executor=self._plan.executor,
            env={**target.env, **parent.env, **variables},
            timeout_s=timeout_s,
            retry=retry if inner is None else KEEPS_ON,
            resources=resources,
            created_at=now,
            rerun_of=rerun_of,
            resume=resume,
            idempotency_key=f"{parent.id}/{key}",
            parent_id=parent.id,
            node=key,
            code=target.code,
        )
        return self._store.create(run)

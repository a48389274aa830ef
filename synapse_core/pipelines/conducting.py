"""Executes a pipeline run in a worker of its own: makes the runs of its nodes and waits for them.

It keeps nothing that could get lost. Which nodes have run, and to what end, stands in the store:
whoever goes on with the run after a crash walks the same graph, finds each node's run under its
key, and waits for it, or makes it. So no node that ended runs again, and none is left out.
"""

import contextlib
import os
import threading
import time

from synapse_core.config.home import Home
from synapse_core.errors import RunCancelledError
from synapse_core.executors.offered import OfferedExecutors
from synapse_core.executors.process import ProcessExecutor
from synapse_core.model.run import Run, RunStatus, RunSummary
from synapse_core.pipelines.mirror_process import is_shown
from synapse_core.pipelines.placing import NodeRuns
from synapse_core.pipelines.plan_files import load_plan
from synapse_core.pipelines.reusing import Reuse, Reuser
from synapse_core.pipelines.rollback import Rollback
from synapse_core.pipelines.schedule import Call, Schedule
from synapse_core.pipelines.telling import Teller, failure_of_run, pipeline_error
from synapse_core.ports import RunStore
from synapse_core.runs.nodes import Bell, list_nodes
from synapse_core.runs.reading import Journals
from synapse_core.runs.store.opening import open_run_store
from synapse_core.runs.wake import FileWatch
from synapse_core.runtime.context import RuntimeContext
from synapse_core.types import JSONValue

__all__ = ["conduct"]

_LOOK_S = 1.0
"""How long a silent node goes without a look whether its worker is still there."""


def conduct(run: Run, home: Home, context: RuntimeContext) -> JSONValue:
    """Execute a pipeline run, or go on with it, and return its result.

    Raises:
        PipelineError: A node failed, or the time is over.
        RunCancelledError: Somebody cancelled the run.
    """
    store = open_run_store(home)
    try:
        return _Conductor(run, home, store, context).conduct()
    finally:
        store.close()


class _Conductor:
    def __init__(self, run: Run, home: Home, store: RunStore, context: RuntimeContext) -> None:
        plan = load_plan(home, run.id)
        here = ProcessExecutor(home, os.environ)
        executors = OfferedExecutors(home, os.environ, here)
        self._run = run
        self._home = home
        self._store = store
        self._context = context
        self._schedule = Schedule(plan, run.params)
        self._runs = NodeRuns(home, store, executors[plan.executor], here, run, plan)
        self._reuser = Reuser(home, store, run, self._warn)
        self._bell = Bell(home, run.id)
        told = Journals(home).summarise(run.id, RunSummary()).steps
        self._teller = Teller(context, self._schedule, told)
        self._known = {node.node: node for node in list_nodes(store, run.id)}
        self._going: dict[str, Call] = {}
        self._ended: list[tuple[Call, Run]] = []
        self._failed_runs: dict[str, str] = {}
        self._are_stopped = False
        self._is_late = False
        self._ends_at = None if plan.timeout_s is None else run.created_at + plan.timeout_s

    def conduct(self) -> JSONValue:
        schedule = self._schedule
        threading.Thread(target=self._watch_for_cancel, name="synapse-cancel", daemon=True).start()
        if is_shown(self._home, self._run.id):
            self._teller.announce()
        with FileWatch(self._bell.path) as watch:
            while True:
                self._settle_ended()
                if self._must_stop():
                    self._stop_all()
                for call in schedule.take():
                    self._begin(call)
                self._teller.tell()
                if schedule.is_over:
                    break
                if not self._ended and not schedule.has_more:
                    self._wait(watch)
        schedule.close()
        self._teller.tell()
        return self._conclude()

    def _conclude(self) -> JSONValue:
        self._context.check_cancelled()
        if not self._schedule.failed and not self._is_late:
            return self._schedule.result()
        rollback = Rollback(self._home, self._store, self._teller)
        rollback.perform(self._run, self._schedule.plan, self._runs)
        late_after_s = self._schedule.plan.timeout_s if self._is_late else None
        raise pipeline_error(
            self._schedule, late_after_s=late_after_s, failed_runs=self._failed_runs
        )

    def _begin(self, call: Call) -> None:
        known = self._known.get(call.key)
        reuse: Reuse | None = None
        if known is None:
            reuse = self._reuser.find(call)
            run = self._runs.make(call, reuse)
        else:
            run = known
        if run.status is RunStatus.PENDING:
            run = self._start(run, reuse)
        if run.status is RunStatus.SKIPPED:
            reason = reuse.reason if reuse is not None else f"taken from {run.rerun_of}"
            self._teller.note_reuse(call.node.name, reason)
        else:
            self._teller.note_execution(call.node.name)
        self._teller.note_run(call.node.name, run.id)
        self._going[run.id] = call
        if run.status.is_terminal:
            self._ended.append((call, run))

    def _start(self, run: Run, reuse: Reuse | None) -> Run:
        """Let a pending run begin, or end with the result that it takes over."""
        if run.rerun_of is None or run.resume:
            return self._runs.place(run)
        source = reuse.run if reuse is not None else self._store.get(run.rerun_of)
        return self._runs.take_result(run, source)

    def _wait(self, watch: FileWatch) -> None:
        """Wait until a node ends, the run is cancelled, or it is time for a look at all."""
        was_rung = watch.wait(_LOOK_S)
        heard = [run_id for run_id in self._bell.heard() if run_id in self._going]
        for run_id in heard if was_rung else list(self._going):
            run = self._runs.look_after(run_id)
            if run.status.is_terminal:
                self._ended.append((self._going[run_id], run))

    def _settle_ended(self) -> None:
        """Tell the schedule what ended, in the order in which it did."""
        ended, self._ended = self._ended, []
        for call, listed in sorted(ended, key=lambda pair: pair[1].finished_at or 0.0):
            if self._going.pop(listed.id, None) is None:
                continue
            run = self._store.get(listed.id)
            match run.status:
                case RunStatus.SUCCEEDED | RunStatus.SKIPPED:
                    self._reuser.keep(call, run)
                    self._schedule.succeed(call, run.result)
                case RunStatus.CANCELLED if self._schedule.is_stopping:
                    self._schedule.cancel(call)
                case _:
                    self._failed_runs.setdefault(call.node.name, run.id)
                    self._schedule.fail(call, failure_of_run(run))

    def _stop_all(self) -> None:
        self._schedule.stop()
        if self._are_stopped:
            return
        self._are_stopped = True
        for run_id in list(self._going):
            run = self._runs.stop(run_id)
            if run.status.is_terminal:
                self._ended.append((self._going[run_id], run))

    def _must_stop(self) -> bool:
        self._is_late = self._is_late or (self._ends_at is not None and time.time() > self._ends_at)
        return self._is_late or self._context.cancelled or self._schedule.is_stopping

    def _watch_for_cancel(self) -> None:
        """Ring the bell when somebody cancels the run, so that the wait for a node ends."""
        with contextlib.suppress(RunCancelledError):
            self._context.sleep(threading.TIMEOUT_MAX)
        self._bell.ring()

    def _warn(self, text: str) -> None:
        self._context.log_message(text, "warning")

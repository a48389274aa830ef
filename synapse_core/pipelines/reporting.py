"""Reports a pipeline that something else executes, so that a service shows it like its own."""

import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, cast

from synapse_core.clients.sync_session import Session
from synapse_core.config.home import Home
from synapse_core.errors import ConflictError, InvalidInputError, PipelineError, nearest
from synapse_core.model.event import EventKind
from synapse_core.model.pipeline import explain_bad_node_name
from synapse_core.model.run import Outcome, Run, RunKind, RunStatus
from synapse_core.pipelines.reported_run import ReportedRun, outcome_of
from synapse_core.runs.http import HttpRunStore
from synapse_core.runs.ids import new_run_id
from synapse_core.runs.nodes import list_nodes
from synapse_core.runtime.cancellation import CancelToken
from synapse_core.runtime.context import RuntimeContext
from synapse_core.types import JSONObject, JSONValue

__all__ = ["ELSEWHERE", "PipelineReport", "ReportedNode"]

ELSEWHERE = "elsewhere"
"""Executor of runs that no executor of the service has placed."""

_FINISHED = frozenset({RunStatus.SUCCEEDED, RunStatus.SKIPPED})


class _TokenOfAll(CancelToken):
    """Asks the pipeline to stop, and with it the nodes that are executed."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[CancelToken] = []

    def set(self) -> None:
        """Ask all to stop."""
        super().set()
        for part in tuple(self._parts):
            part.set()

    @contextmanager
    def part(self) -> Generator[CancelToken]:
        """Lend a token for a node, which can be asked to stop alone."""
        token = CancelToken()
        self._parts.append(token)
        if self.is_set:
            token.set()
        try:
            yield token
        finally:
            self._parts.remove(token)


@dataclass(slots=True)
class ReportedNode:
    """One node while it is executed.

    Attributes:
        context: Reports what it does: `set_progress`, `logger`, `set_metrics`, `save_artifact`,
            `check_cancelled`.
        result: What it returns; its checkpoint, once it has ended.
    """

    context: RuntimeContext
    result: JSONValue = None


class PipelineReport:
    """A pipeline run of a service whose nodes this process executes; a context manager.

    Everything is recorded on this disk first, and sent by a thread: the work does not wait for the
    network. When the block is left, the run ends in the service; an exception is its failure.

    Args:
        session: The connection to the service; its token needs the scope `run`.
        home: Where events are recorded on this machine.
        plugin: Code of the plugin that the pipeline belongs to; the service need not have it.
        name: Name of the pipeline.
        nodes: Names of its nodes, each once, in their order.
        params: Its params.
        resume_from: An earlier run of it, whose results `finished` returns.

    Raises:
        InvalidInputError: A name of a node is none, or is there twice.
    """

    def __init__(
        self,
        session: Session,
        home: Path,
        *,
        plugin: str,
        name: str,
        nodes: Sequence[str],
        params: JSONObject | None = None,
        resume_from: str | None = None,
    ) -> None:
        _check_names(nodes)
        self._session = session
        self._home = Home(home.absolute())
        self._store = HttpRunStore(session)
        self._nodes = tuple(nodes)
        self._cancel = _TokenOfAll()
        self._results: dict[str, JSONValue] = {}
        now = time.time()
        self._described = Run(
            id=new_run_id(now),
            kind=RunKind.PIPELINE,
            plugin=plugin,
            action=name,
            entrypoint="",
            plugin_path="",
            executor=ELSEWHERE,
            params=dict(params or {}),
            rerun_of=resume_from,
            resume=resume_from is not None,
            created_at=now,
        )
        self._run: ReportedRun | None = None
        self.result: JSONValue = None

    @property
    def run_id(self) -> str:
        """Id of the run in the service."""
        return self._described.id

    def finished(self) -> Mapping[str, Run]:
        """Return the runs of the nodes that the earlier run finished, with params and result."""
        if self._described.rerun_of is None:
            return {}
        runs = list_nodes(self._store, self._described.rerun_of, _FINISHED)
        return {run.node: self._store.get(run.id) for run in runs}

    @contextmanager
    def node(self, name: str, params: JSONObject | None = None) -> Generator[ReportedNode]:
        """Report a node while the block executes it; what the block raises is its failure.

        Args:
            name: Name of the node.
            params: What it is given.

        Raises:
            ConflictError: It was reported before.
            RunCancelledError: Somebody has cancelled the pipeline. Out of the block it comes when
                this node was cancelled as well; who catches it then can go on with other nodes.
            InvalidInputError: The pipeline has no such node.
        """
        self._context()
        self._cancel.check()
        run = self._store.create(self._node_run(name, params))
        if run.status is not RunStatus.PENDING:
            raise ConflictError(
                f"The node {name} of run {self.run_id} was executed before.",
                hint="A node is executed once in a run; give another execution another name.",
                run_id=run.id,
            )
        with self._cancel.part() as token:
            owned = ReportedRun(self._session, self._home, run, token)
            self._tell(name, "started", run.id)
            yield from self._report(name, run.id, owned)

    def _report(self, name: str, run_id: str, owned: ReportedRun) -> Generator[ReportedNode]:
        node = ReportedNode(owned.context)
        try:
            yield node
        except BaseException as error:
            outcome = outcome_of(error)
            owned.end(outcome)
            reason = outcome.failure.message if outcome.failure is not None else ""
            self._tell(name, outcome.status, run_id, error=reason)
            raise
        owned.end(Outcome(RunStatus.SUCCEEDED, node.result))
        self._end_node(name, RunStatus.SUCCEEDED, run_id, node.result)

    def take_over(self, name: str, earlier: Run) -> JSONValue:
        """Report that a node need not be executed: what an earlier run of it returned will do."""
        self._context()
        run = self._store.create(self._node_run(name, earlier.params))
        outcome = Outcome(RunStatus.SKIPPED, earlier.result)
        ended = self._store.finish(run.id, outcome, owner=None)
        reason = f"run {earlier.parent_id} finished it"
        self._end_node(name, RunStatus.SKIPPED, run.id, ended.result, reason=reason)
        return ended.result

    def __enter__(self) -> Self:
        run = self._store.create(self._described)
        self._run = ReportedRun(self._session, self._home, run, self._cancel)
        for name in self._nodes:
            self._tell(name, RunStatus.PENDING)
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        run, self._run = self._run, None
        if run is None:
            return
        if error is None:
            result = self.result if self.result is not None else dict(self._results)
            run.end(Outcome(RunStatus.SUCCEEDED, result))
            return
        told = outcome_of(error)
        if told.failure is not None:
            # A cause that is recorded with its node already; the pipeline itself only failed.
            told = outcome_of(PipelineError(f"The pipeline failed: {told.failure.message}"))
        run.end(told)

    def _node_run(self, name: str, params: JSONObject | None) -> Run:
        if name not in self._nodes:
            raise InvalidInputError(
                f"The pipeline has no node {name!r}.",
                hint=f"{nearest(name, self._nodes)} It has: {', '.join(self._nodes)}.".strip(),
            )
        now = time.time()
        return Run(
            id=new_run_id(now),
            plugin=self._described.plugin,
            action=name,
            entrypoint="",
            plugin_path="",
            executor=ELSEWHERE,
            params=dict(params or {}),
            parent_id=self.run_id,
            node=name,
            idempotency_key=f"{self.run_id}/{name}",
            created_at=now,
        )

    def _end_node(
        self, name: str, status: RunStatus, run_id: str, result: JSONValue, *, reason: str = ""
    ) -> None:
        self._results[name] = result
        self._tell(name, status, run_id, reason=reason)
        self._context().set_progress(len(self._results), len(self._nodes), "nodes")

    def _tell(self, name: str, transition: str, run_id: str | None = None, **more: str) -> None:
        facts: JSONObject = {
            "name": name,
            "transition": transition,
            "number": self._nodes.index(name) + 1,
            "total": len(self._nodes),
        }
        if run_id is not None:
            facts["run_id"] = run_id
        facts |= cast("JSONObject", {key: text for key, text in more.items() if text})
        self._context().emit(EventKind.STEP, facts)

    def _context(self) -> RuntimeContext:
        if self._run is None:
            raise InvalidInputError(
                "The pipeline is not being reported.", hint="Report nodes within the `with` block."
            )
        return self._run.context


def _check_names(nodes: Sequence[str]) -> None:
    for number, name in enumerate(nodes):
        why = explain_bad_node_name(name)
        if name in nodes[:number]:
            why = "another node has it"
        if why:
            raise InvalidInputError(
                f"{name[:100]!r} cannot be the name of a node: {why}.", hint="Choose another name."
            )

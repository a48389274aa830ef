"""The borders of the core, as Protocols.

Each docstring states duties, order, idempotency and errors. `synapse_core.testing` ships one
contract suite per port; every implementation passes it.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from synapse_core.model.event import Event, EventKind
from synapse_core.model.run import (
    ArtifactInfo,
    Outcome,
    Page,
    Run,
    RunEnd,
    RunFilter,
    RunStatus,
    RunSummary,
)
from synapse_core.types import JSONObject

if TYPE_CHECKING:  # it takes pydantic, which no run needs
    from synapse_core.model.pipeline_progress import PipelineProgress

__all__ = [
    "ClaimedRuns",
    "Clock",
    "EventSink",
    "Executor",
    "Inspector",
    "JournalReader",
    "ManyRuns",
    "RunService",
    "RunStore",
]


class Clock(Protocol):
    """Where the time comes from."""

    def time(self) -> float:
        """Return Unix time in seconds; it may jump."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back, comparable within this process only."""
        ...


class EventSink(Protocol):
    """Where the events of one run go; it numbers them."""

    def emit(self, kind: EventKind, data: JSONObject) -> int:
        """Record one event durably and return its `seq`.

        Safe to call from any thread. Events of one thread keep their order. When the call returns,
        the event survives a `SIGKILL` of this process.

        Raises:
            JournalError: The event could not be recorded; nothing of it was kept.
        """
        ...


class JournalReader(Protocol):
    """Reads the ordered log of any run, also while it is being written.

    A cursor is opaque text that stays valid for the life of the run, across restarts of everything.
    """

    def read(
        self,
        run_id: str,
        *,
        after: str | None = None,
        limit: int = 1000,
        kinds: frozenset[EventKind] | None = None,
    ) -> Page[Event]:
        """Return up to `limit` events after the cursor, oldest first.

        `next_cursor` is never None: it stands after the last event looked at, so reading again
        from it continues without loss or repeat. A half-written last line is not an event yet.

        Args:
            run_id: The run.
            after: Cursor of an earlier read; None for the beginning.
            limit: Most events to return.
            kinds: Only these; others are passed over and do not count.

        Raises:
            CursorError: `after` was not made for this run.
            JournalError: The journal is damaged before its last line.
        """
        ...

    def tail(
        self, run_id: str, count: int, *, kinds: frozenset[EventKind] | None = None
    ) -> Page[Event]:
        """Return the last `count` events, oldest first, with a cursor after the last one.

        Reads backwards from the end: the cost follows `count`, not the size of the journal.
        """
        ...

    def wait(self, run_id: str, after: str | None, *, timeout_s: float) -> bool:
        """Block until something may stand after the cursor; False when the time is over.

        Woken by the write, without polling. A True is a cue, not a promise.
        """
        ...

    def summarise(self, run_id: str, start: RunSummary) -> RunSummary:
        """Fold the events after `start` into it."""
        ...


class RunStore(Protocol):
    """Durable truth about runs: status, owner, lease, result.

    Every change is atomic, visible to other processes when the call returns, and legal: a terminal
    run never changes. All methods are safe to call from any thread and raise
    `StoreUnavailableError` when the store cannot be reached; they raise `RunNotFoundError` for an
    unknown id unless said otherwise.
    """

    def create(self, run: Run) -> Run:
        """Add a pending run and return it.

        Idempotent by `idempotency_key`: with a key already used, the earlier run is returned and
        nothing is written.

        Raises:
            ConflictError: The id is taken.
            InvalidInputError: The run is not pending.
        """
        ...

    def get(self, run_id: str) -> Run:
        """Return the run."""
        ...

    def list(self, where: RunFilter, *, limit: int = 50, cursor: str | None = None) -> Page[Run]:
        """Return runs that match, newest first; nodes of pipelines only when asked for.

        Listed runs carry no `params`, `result` or `env`, whose size has no bound. Pages neither
        repeat nor lose a run that was there when the first page was read.

        Raises:
            CursorError: `cursor` is not one of this list's: it was made for another filter.
            InvalidInputError: `limit` is less than 1.
        """
        ...

    def claim(self, run_id: str, *, owner: str, lease_s: float) -> Run | None:
        """Move a pending run to running, for exactly one of any number of concurrent callers.

        Sets owner, lease and `started_at`, and counts `attempt` one up, all together: to 1 the
        first time, further after a release. Returns None to every loser, also when the run has
        already ended.
        """
        ...

    def heartbeat(
        self, run_id: str, *, owner: str, lease_s: float, summary: RunSummary | None = None
    ) -> Run:
        """Extend the owner's lease, keep the summary, and return the run with its cancel request.

        What is returned carries no `params`, `result` or `env`, as in a list.

        Raises:
            LeaseLostError: Somebody else owns the run, or it has ended.
        """
        ...

    def begin_attempt(self, run_id: str, *, owner: str, attempt: int) -> None:
        """Record that the owner starts attempt `attempt`: 2 or later, or one claimed ahead.

        Idempotent: recording the current attempt again changes nothing.

        Raises:
            LeaseLostError: Somebody else owns the run, or it has ended.
            ConflictError: A later attempt was begun already.
        """
        ...

    def finish(
        self,
        run_id: str,
        outcome: Outcome,
        *,
        owner: str | None,
        summary: RunSummary | None = None,
        started_at: float | None = None,
    ) -> Run:
        """Write status, result or failure, summary and `finished_at` in one transaction.

        The terminal event must already be in the journal. Idempotent: finishing a terminal run
        again returns it unchanged. A run that has ended holds neither owner nor lease.

        Args:
            run_id: The run.
            outcome: How it ended.
            owner: The worker finishing it; None finishes a run that is still pending.
            summary: The journal folded to its end.
            started_at: When it began, if it was claimed ahead; Unix time in seconds.

        Raises:
            InvalidInputError: The outcome's status is not terminal.
            LeaseLostError: The run is not terminal and not the caller's.
        """
        ...

    def take_over(self, run_id: str, *, expected_owner: str, owner: str, lease_s: float) -> bool:
        """Pass a running run from a dead owner to the caller; False when the owner has changed.

        Exactly one of any number of concurrent callers wins.
        """
        ...

    def release(self, run_id: str, *, expected_owner: str) -> bool:
        """Make a running run of a dead owner pending again, to be claimed for another attempt.

        Owner, lease and `started_at` are cleared, `attempt` is kept; of a run that was claimed
        ahead and not begun, it is what it was before. Exactly one of any number of concurrent
        callers wins. False when the owner has changed or the run has ended, and when
        somebody asked to stop it: then it is to be ended, not repeated.
        """
        ...

    def request_cancel(self, run_id: str, *, force: bool = False) -> Run:
        """Ask a running run to stop; end a pending one as cancelled at once.

        Idempotent. A terminal run is returned unchanged. `force` is kept once set.
        """
        ...

    def active(self) -> Sequence[Run]:
        """Return every pending and running run, oldest first.

        They carry no `params`, `result` or `env`, as in a list.
        """
        ...

    def delete(self, run_ids: Iterable[str]) -> int:
        """Forget terminal runs and return how many; ids unknown or not terminal are passed over."""
        ...


class ClaimedRuns(Protocol):
    """What a worker does to runs that it executes one after the other.

    Runs that are unknown are passed over. All methods are safe to call from any thread and raise
    `StoreUnavailableError` when the store cannot be reached.
    """

    def claim(self, run_ids: Sequence[str], *, owner: str, lease_s: float) -> Sequence[Run]:
        """Own those of the runs that are pending, to begin one after the other; in this order.

        Their `started_at` may be empty until a heartbeat or the end, by which anybody sees that
        they may not have begun. If one of them has not, its owner, or whoever recovers it, releases
        it.
        """
        ...

    def release(self, run_ids: Sequence[str], *, expected_owner: str) -> Sequence[str]:
        """Make runs pending again that were claimed here and not begun; return which.

        Where `started_at` is empty, the attempt does not count. Those that somebody asked to stop
        stay the owner's, to be ended.
        """
        ...

    def finish(self, ends: Sequence[RunEnd], *, owner: str) -> Sequence[Run]:
        """End the owner's runs and return them; those of somebody else are passed over.

        Raises:
            InvalidInputError: The status of an outcome is not terminal.
        """
        ...


class ManyRuns(ClaimedRuns, Protocol):
    """What a store does to many runs at once, for the price of one.

    To each run happens what the verb of `RunStore` does, and all of it or nothing is kept. Runs
    that are unknown are passed over. All methods are safe to call from any thread and raise
    `StoreUnavailableError` when the store cannot be reached.
    """

    def create(self, runs: Sequence[Run]) -> None:
        """Add pending runs, all or none.

        Raises:
            ConflictError: An id or an idempotency key is taken.
            InvalidInputError: One of them is not pending.
        """
        ...

    def get(self, run_ids: Sequence[str]) -> Sequence[Run]:
        """Return the runs, in this order."""
        ...

    def statuses(self, run_ids: Sequence[str]) -> Mapping[str, RunStatus]:
        """Return how the runs stand; for a small part of what `get` costs."""
        ...


class RunService(Protocol):
    """A service that runs things on its own machine: what only that machine can do.

    All methods raise `StoreUnavailableError` when it cannot be reached, and what the same verb
    raises where it is done.
    """

    @property
    def url(self) -> str:
        """Its address."""
        ...

    def start(self, order: JSONObject) -> Run:
        """Start a run there, or only check what was ordered.

        Args:
            order: Fields of `operations.runs.StartRun`; or `rerun_of` without a plugin, which
                repeats that run.
        """
        ...

    def delete(self, run_ids: Sequence[str], *, dry_run: bool) -> int:
        """Remove ended runs with all they left, and return the bytes that frees."""
        ...

    def fetch(self, run_id: str, artifact: ArtifactInfo, to: Path) -> None:
        """Bring a file of a run here; `to` is written whole or not at all."""
        ...

    def plugins(
        self, query: str, *, category: str | None, limit: int, cursor: str | None
    ) -> JSONObject:
        """Return a page of its plugins, as `operations.plugin_documents.page_document` does.

        Raises:
            CursorError: The cursor was made for another list.
        """
        ...

    def plugin(self, code: str) -> JSONObject:
        """Return a plugin, as `operations.plugin_documents.plugin_document` does.

        Raises:
            PluginNotFoundError: It has none of this code.
        """
        ...

    def action(self, plugin: str, name: str) -> JSONObject:
        """Return an action or pipeline, as `operations.plugin_documents.action_document` does.

        Raises:
            ActionLoadError: It cannot be imported.
            ActionNotFoundError: The plugin has none of this name.
        """
        ...

    def pipelines(self, plugin: str | None) -> Sequence[JSONObject]:
        """Return the pipelines that can be started there, of one plugin or of all.

        Each is an `operations.pipelines.documents.PipelineListing` as a document.
        """
        ...

    def pipeline(self, plugin: str, name: str) -> JSONObject:
        """Return a pipeline, checked, as an `operations.pipelines.documents.PipelineDescription`.

        Raises:
            PipelineDefinitionError: It cannot be executed.
        """
        ...

    def progress(self, run_id: str) -> "PipelineProgress":
        """Return how a pipeline run stands, with each node of its plan.

        Raises:
            InvalidInputError: It is no run of a pipeline.
        """
        ...


class Executor(Protocol):
    """Places runs somewhere. Only ids, paths and URLs cross this border.

    An executor needs no state of its own to find a run again: after a restart of everything,
    `cancel` works on the runs it placed before.
    """

    @property
    def name(self) -> str:
        """The name a caller picks it by."""
        ...

    def submit(self, run: Run) -> None:
        """Place a pending run and return without waiting for it.

        The run will be claimed, executed and finished by whatever it was placed on. When this
        raises, nothing will execute and the caller finishes the run as failed.

        Raises:
            SynapseError: The run could not be placed; says why and what to do.
        """
        ...

    def cancel(self, run: Run) -> None:
        """Make the run's owner look at its cancel request now.

        The request is already in the store. Returns at once; idempotent; does nothing for a run
        that has ended.
        """
        ...

    def close(self) -> None:
        """Release what this object holds. Placed runs go on, unless they live in this process."""
        ...


class Inspector(Protocol):
    """Imports a plugin's actions somewhere safe and tells what they are."""

    def inspect(
        self, path: Path, entrypoints: Mapping[str, str], *, timeout_s: float
    ) -> JSONObject:
        """Import the plugin in a process of its own and return what was found.

        The plugin's code may print, exit, crash or hang: only the inspection is lost.

        Args:
            path: The plugin's folder.
            entrypoints: `module:attribute` by action name; actions found besides are added.
            timeout_s: Seconds until the process is killed.

        Returns:
            What `synapse_core.discovery.from_imports.scan` returns, and `installing_s`: the
            seconds that went into installing the plugin's libraries first.

        Raises:
            ActionLoadError: The process crashed or exited before it had an answer.
            DependencyError: A library that the plugin asks for cannot be provided.
            RunTimeoutError: The import took longer than `timeout_s`, or the libraries are still
                being installed; that goes on.
        """
        ...

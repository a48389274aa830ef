"""A run that a thread of this process owns, from its claim to its end."""

import logging
import math
import threading
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from pathlib import Path

from synapse_core.actions.failure import describe_failure
from synapse_core.actions.fresh_modules import isolated_modules
from synapse_core.actions.invoke import invoke
from synapse_core.actions.loading import load_action
from synapse_core.actions.results import result_to_json
from synapse_core.config.home import Home
from synapse_core.errors import LeaseLostError, StorageError
from synapse_core.logs.redact import Redactor
from synapse_core.model.event import EventKind
from synapse_core.model.run import Outcome, Run, RunEnd, RunStatus
from synapse_core.ports import RunStore
from synapse_core.runs.endings import terminal_status
from synapse_core.runs.event_texts import redact_texts
from synapse_core.runs.journal import JournalWriter
from synapse_core.runs.reading import Journals
from synapse_core.runs.written_summary import WrittenSummary
from synapse_core.runtime.cancellation import CancelToken
from synapse_core.runtime.checkpoints import inherited_checkpoints
from synapse_core.runtime.context import RuntimeContext
from synapse_core.runtime.env import PluginEnvironment
from synapse_core.runtime.logging_bridge import bridge_logging
from synapse_core.runtime.reentry import recording
from synapse_core.types import JSONObject, JSONValue
from synapse_core.worker.attempt import HEARTBEAT_S, AttemptEnd, StopReason
from synapse_core.worker.outcome import decide_outcome, is_worth_repeating
from synapse_core.worker.work import find_folders

__all__ = ["LEASE_S", "Stopper", "ThreadedRun"]

LEASE_S = 15.0

_log = logging.getLogger(__name__)


class Stopper:
    """Tells one attempt to stop, when somebody asks for it or its time is over.

    Args:
        cancel: What the action looks at.
        timeout_s: Seconds that the attempt may take; None for no limit.
        on_stop: Called once with each reason, before the action is told.

    Attributes:
        reasons: Why it was told to stop; empty as long as it was not.
    """

    def __init__(
        self,
        cancel: CancelToken,
        timeout_s: float | None,
        on_stop: Callable[[StopReason], None],
    ) -> None:
        self.reasons: list[StopReason] = []
        self._cancel = cancel
        self._on_stop = on_stop
        self._ends_at = time.monotonic() + timeout_s if timeout_s is not None else math.inf

    @property
    def left_s(self) -> float:
        """Seconds until its time is over."""
        return math.inf if self.reasons else max(0.0, self._ends_at - time.monotonic())

    def stop(self, reason: StopReason) -> None:
        """Stop it; after the first time only by force."""
        if not self.reasons or (reason is StopReason.FORCE and reason not in self.reasons):
            self.reasons.append(reason)
            self._on_stop(reason)
        self._cancel.set()

    def look(self) -> None:
        """Stop it when its time is over."""
        if self.left_s <= 0:
            self.stop(StopReason.TIMEOUT)


class ThreadedRun:
    """Makes the attempts of one claimed run, as a supervisor does for a worker process.

    Args:
        home: Where the run's folder lies.
        store: The store that holds the run.
        run: The run as it was claimed.
        owner: The claim.
        turn: Held during an attempt; attempts of several runs would change the same process.
        is_away: Whether this machine does not see the home that has the run.
    """

    def __init__(
        self,
        home: Home,
        store: RunStore,
        run: Run,
        *,
        owner: str,
        turn: AbstractContextManager[object],
        is_away: bool = False,
    ) -> None:
        self._home = home
        self._store = store
        self._run = run
        self._owner = owner
        self._turn = turn
        self._is_away = is_away
        self._journals = Journals(home)
        self._redactor = Redactor.for_run(run.env, run.params)
        self._summary = WrittenSummary(self._journals, run.id, run.summary)
        self._look = threading.Event()
        self._began_at: float | None = None

    def look_now(self) -> None:
        """Look at once whether somebody asked to stop the run."""
        self._look.set()

    def run_to_its_end(self) -> None:
        """Make attempts until one succeeds, the policy ends, or somebody stops the run.

        Raises:
            LeaseLostError: Somebody took the run for dead.
            StorageError: The end could not be recorded; recovery does it when this process ends.
        """
        with self._open_journal() as writer:
            outcome, attempt = self._make_attempts(writer)
            writer.emit(EventKind.STATUS, terminal_status(outcome, attempt))
        summary = self._summary.fold()
        self._record(RunEnd(self._run.id, outcome, summary, started_at=self._began_at))

    def _make_attempts(self, writer: JournalWriter) -> tuple[Outcome, int]:
        """Return how the last attempt ended, and its number."""
        attempt = self._run.attempt
        while True:
            with self._turn:
                outcome, end = self._make_attempt(writer, attempt)
            pause_s = self._run.retry.wait_s(attempt)
            if pause_s is None or not is_worth_repeating(outcome, end):
                return outcome, attempt
            self._announce_retry(writer, outcome, attempt, pause_s)
            if self._is_stopped_within(pause_s):
                return Outcome(RunStatus.CANCELLED), attempt
            attempt += 1
            self._store.begin_attempt(self._run.id, owner=self._owner, attempt=attempt)

    def _record(self, end: RunEnd) -> None:
        self._store.finish(
            end.run_id,
            end.outcome,
            owner=self._owner,
            summary=end.summary,
            started_at=end.started_at,
        )

    def _make_attempt(self, writer: JournalWriter, number: int) -> tuple[Outcome, AttemptEnd]:
        run = self._run
        cancel = CancelToken()
        with self._watch(cancel) as stopped:
            self._began_at = self._began_at or time.time()
            writer.emit(EventKind.STATUS, {"status": RunStatus.RUNNING, "attempt": number})
            output = self._execute(writer, cancel, number)
        end = AttemptEnd(int(output is None), stopped[0] if stopped else None, drained_to=None)
        if output is not None:
            # As the journal has it, without reading it back.
            told = redact_texts(output, self._redactor)
            return Outcome(RunStatus.SUCCEEDED, result=told["result"]), end
        return decide_outcome(self._journals, run.id, end, timeout_s=run.timeout_s), end

    def _execute(
        self, writer: JournalWriter, cancel: CancelToken, number: int
    ) -> JSONObject | None:
        """Return what was recorded as the result; None when the action failed."""
        try:
            output: JSONObject = {"result": self._call(writer, cancel, number)}
        except BaseException as error:  # noqa: BLE001 - an exit of user code is an outcome too
            failure = describe_failure(error, Path(self._run.plugin_path))
            writer.emit(EventKind.ERROR, asdict(failure))
            return None
        writer.emit(EventKind.OUTPUT, output)
        return output

    def _call(self, writer: JournalWriter, cancel: CancelToken, number: int) -> JSONValue:
        run = self._run
        folder = Path(run.plugin_path)
        with isolated_modules(folder), bridge_logging(writer):
            action = load_action(folder, run.entrypoint)
            env = PluginEnvironment(run.env)
            with self._context(writer, cancel, number, env) as context:
                return result_to_json(invoke(action, run.params, context))

    def _context(
        self, writer: JournalWriter, cancel: CancelToken, number: int, env: PluginEnvironment
    ) -> RuntimeContext:
        run = self._run
        return RuntimeContext(
            writer,
            env=env,
            job_id=run.id,
            folder=self._home.run_dir(run.id),
            cancel=cancel,
            checkpoints=inherited_checkpoints(self._journals, run, attempt=number),
            pipeline=find_folders(run, self._home, is_away=self._is_away),
        )

    def _on_stop(self, reason: StopReason) -> None:
        """Do what is to be done besides telling the action."""

    @contextmanager
    def _watch(self, cancel: CancelToken) -> Generator[list[StopReason]]:
        """Send heartbeats meanwhile, and tell the action to stop; yields why, once it was told."""
        stopper = Stopper(cancel, self._run.timeout_s, self._on_stop)
        has_ended = threading.Event()

        def watch() -> None:
            recording.is_aside = True
            while not has_ended.is_set():
                if (reason := self.beat()) is not None:
                    stopper.stop(reason)
                if self._look.wait(min(HEARTBEAT_S, stopper.left_s)):
                    self._look.clear()
                else:
                    stopper.look()

        watcher = threading.Thread(target=watch, name=f"synapse-watch-{self._run.id}", daemon=True)
        watcher.start()
        try:
            yield stopper.reasons
        finally:
            has_ended.set()
            self._look.set()
            watcher.join()

    def beat(self) -> StopReason | None:
        """Keep up the lease, and return why the run is to stop; None when it is not."""
        try:
            run = self._store.heartbeat(
                self._run.id, owner=self._owner, lease_s=LEASE_S, summary=self._summary.fold()
            )
        except LeaseLostError:
            return StopReason.SHUTDOWN  # whatever comes of it, nobody wants it any more
        except StorageError:
            _log.warning("Missed a heartbeat", exc_info=True)
            return None
        if run.cancel_requested_at is None:
            return None
        return StopReason.FORCE if run.cancel_force else StopReason.CANCEL

    @staticmethod
    def _announce_retry(
        writer: JournalWriter, outcome: Outcome, attempt: int, pause_s: float
    ) -> None:
        why = outcome.failure.message if outcome.failure is not None else outcome.status
        reason = f"Attempt {attempt} failed: {why} The next one starts in {pause_s:g} s."
        status: JSONObject = {"status": RunStatus.RUNNING, "attempt": attempt, "reason": reason}
        writer.emit(EventKind.STATUS, status)

    def _is_stopped_within(self, pause_s: float) -> bool:
        """Wait between two attempts; True as soon as somebody asks to stop."""
        until = time.monotonic() + pause_s
        while (left_s := until - time.monotonic()) > 0:
            if self.beat() is not None:
                return True
            if self._look.wait(min(left_s, HEARTBEAT_S)):
                self._look.clear()
        return self.beat() is not None

    def _open_journal(self) -> JournalWriter:
        self._home.run_dir(self._run.id).mkdir(mode=0o700, parents=True, exist_ok=True)
        return JournalWriter.open(
            self._home.journal(self._run.id), redactor=self._redactor, witness=self._summary.note
        )

"""Installs the libraries of a run's plugin before its first attempt, as a part of the run.

The run is claimed already, so it shows in its log what happens, it can be cancelled, and a crash is
recovered from like any other.
"""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path

from synapse_core.config.home import Home
from synapse_core.dependencies.building import provide
from synapse_core.dependencies.session import Watcher
from synapse_core.dependencies.venv import Venv
from synapse_core.dependencies.venvs import Venvs
from synapse_core.errors import JournalError, RunCancelledError, StorageError, SynapseError
from synapse_core.model.event import EventKind, LogLevel, LogSource
from synapse_core.model.run import Outcome, Run, RunFailure, RunStatus
from synapse_core.ports import EventSink
from synapse_core.worker.attempt import HEARTBEAT_S, StopReason
from synapse_core.worker.inbox import SignalInbox
from synapse_core.worker.isolation import die_with_parent

__all__ = ["Preparation"]

CATEGORY = "dependencies"
"""Of the progress that is told."""


class Preparation:
    """Provides one run with its libraries.

    Args:
        run: The run, claimed by this process.
        sink: Its journal.
        inbox: Collects SIGCHLD, SIGUSR1 and SIGTERM.
        beat: Called every `HEARTBEAT_S` seconds and on SIGUSR1; returns why to stop, if so.
        note_worker: Takes the process id of whatever a recovery would have to kill.
    """

    def __init__(
        self,
        run: Run,
        sink: EventSink,
        inbox: SignalInbox,
        beat: Callable[[], StopReason | None],
        note_worker: Callable[[int], None],
    ) -> None:
        self._run = run
        self._sink = sink
        self._inbox = inbox
        self._beat = beat
        self._note_worker = note_worker
        self._beat_at = time.monotonic() + HEARTBEAT_S

    def provide(self, home: Home, variables: Mapping[str, str]) -> Venv | Outcome | None:
        """Return the environment, how the run ended instead, or None when none is needed."""
        watcher = Watcher(
            self._say,
            self._progress,
            self._is_stopped_within,
            started=self._note,
            in_installer=partial(die_with_parent, os.getpid()),
        )
        try:
            return provide(Venvs(home.cache_dir), Path(self._run.plugin_path), variables, watcher)
        except RunCancelledError:
            return Outcome(RunStatus.CANCELLED)
        except SynapseError as error:
            failure = RunFailure(type(error).__name__, error.message, error.code, error.hint)
            # The status that ends the run says it, too, and waits until the disk has room.
            with contextlib.suppress(JournalError):
                self._sink.emit(EventKind.ERROR, asdict(failure))
            return Outcome(RunStatus.FAILED, failure=failure)

    def _say(self, message: str) -> None:
        self._sink.emit(
            EventKind.LOG,
            {"level": LogLevel.INFO, "message": message, "source": LogSource.WORKER},
        )

    def _progress(self, current: int, total: int) -> None:
        self._sink.emit(
            EventKind.PROGRESS,
            {
                "category": CATEGORY,
                "current": current,
                "total": total,
                "percent": 100.0 * current / total,
                "rate": None,
                "eta_s": None,
            },
        )

    def _note(self, pid: int) -> None:
        with contextlib.suppress(StorageError):  # it has ended already: there is nothing to kill
            self._note_worker(pid)

    def _is_stopped_within(self, pause_s: float) -> bool:
        numbers = self._inbox.wait(pause_s)
        if signal.SIGTERM in numbers:
            return True
        if signal.SIGUSR1 not in numbers and time.monotonic() < self._beat_at:
            return False
        self._beat_at = time.monotonic() + HEARTBEAT_S
        return self._beat() is not None

"""One attempt of a run, seen from outside: fork it, watch it, stop it, clear up behind it."""

import contextlib
import os
import selectors
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from synapse_core.worker.attempt_process import AttemptProcess
from synapse_core.worker.inbox import SignalInbox
from synapse_core.worker.isolation import kill_descendants

__all__ = ["HEARTBEAT_S", "Attempt", "AttemptEnd", "StopReason"]

HEARTBEAT_S = 2.0
"""Between two looks at the store. Cancel requests come by signal and do not wait for it."""

ASK_GRACE_S = 2.0
"""From the request to stop until SIGTERM."""

TERMINATE_GRACE_S = 2.0
"""From SIGTERM until SIGKILL: a cancelled run has ended well within five seconds."""

EXIT_GRACE_S = 10.0
"""From a result on record until the process that lingers is killed."""


class StopReason(StrEnum):
    """Why an attempt was stopped from outside."""

    CANCEL = "cancel"
    FORCE = "force"
    TIMEOUT = "timeout"
    SHUTDOWN = "shutdown"
    CUT = "cut"
    """Whoever reserved room for it is gone, and the room may be somebody else's by now."""


_AT_ONCE = frozenset({StopReason.FORCE, StopReason.CUT})


@dataclass(frozen=True, slots=True)
class AttemptEnd:
    """What is left when the process of an attempt is gone.

    Attributes:
        exit_code: As `os.waitstatus_to_exitcode` tells: negative for a signal.
        stopped: Why it was stopped, if it was.
        drained_to: Position in the captured output up to which the process recorded it itself.
        last_words: What kept it from recording how it ended; empty for nothing.
    """

    exit_code: int
    stopped: StopReason | None
    drained_to: int | None
    last_words: str = ""


class Attempt:
    """Watches one forked process until it and all it started are gone.

    Args:
        process: The process, which has its assignment.
        heartbeat: Called every `HEARTBEAT_S` seconds and on SIGUSR1; returns why to stop, if so.
        inbox: Collects SIGCHLD, SIGUSR1 and SIGTERM.
        timeout_s: Seconds the attempt may take.
    """

    def __init__(
        self,
        process: AttemptProcess,
        heartbeat: Callable[[], StopReason | None],
        inbox: SignalInbox,
        *,
        timeout_s: float | None,
    ) -> None:
        self._heartbeat = heartbeat
        self._stopped: StopReason | None = None
        self._ladder: list[tuple[float, Callable[[], None]]] = []
        self._drained_to: int | None = None
        self._last_words = ""
        self._exit_code: int | None = None
        now = time.monotonic()
        self._beat_at = now + HEARTBEAT_S
        self._times_out_at = now + timeout_s if timeout_s is not None else None
        self._kill_lingering_at: float | None = None
        self._inbox = inbox
        self._process = process
        self._said = b""

    def watch(self) -> AttemptEnd:
        """Block until the process has ended; then nothing it started is left."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._inbox, selectors.EVENT_READ, self._on_signal)
            selector.register(self._process.status, selectors.EVENT_READ, self._on_status)
            # One that waited for its assignment may have ended before its end was listened to.
            self._reap()
            while self._exit_code is None:
                for key, _ in selector.select(self._pause_s()):
                    if not key.data():
                        selector.unregister(key.fileobj)
                self._on_time(time.monotonic())
        self._clear()
        return AttemptEnd(self._exit_code, self._stopped, self._drained_to, self._last_words)

    def _pause_s(self) -> float:
        times = [self._beat_at, self._times_out_at, self._kill_lingering_at]
        times += [at for at, _ in self._ladder]
        return max(0.0, min(at for at in times if at is not None) - time.monotonic())

    def _on_signal(self) -> bool:
        numbers = self._inbox.read()
        if signal.SIGTERM in numbers:
            self._stop(StopReason.SHUTDOWN)
        if signal.SIGUSR1 in numbers:
            self._beat()
        self._reap()
        return True

    def _on_status(self) -> bool:
        said = os.read(self._process.status, 4096)
        self._said += said
        *lines, self._said = self._said.split(b"\n")
        for line in lines:
            word, _, value = line.partition(b" ")
            if word == b"drained":
                self._drained_to = int(value)
            elif word == b"died":
                self._last_words = value.decode("utf-8", "replace")
            elif word == b"recorded":
                self._kill_lingering_at = time.monotonic() + EXIT_GRACE_S
        if not said:
            self._reap()
        return bool(said)

    def _on_time(self, now: float) -> None:
        if now >= self._beat_at:
            self._beat()
        if self._times_out_at is not None and now >= self._times_out_at:
            self._times_out_at = None
            self._stop(StopReason.TIMEOUT)
        if self._kill_lingering_at is not None and now >= self._kill_lingering_at:
            self._kill_lingering_at = None
            self._signal_group(signal.SIGKILL)
        while self._ladder and now >= self._ladder[0][0]:
            self._ladder.pop(0)[1]()

    def _beat(self) -> None:
        self._beat_at = time.monotonic() + HEARTBEAT_S
        reason = self._heartbeat()
        if reason is not None:
            self._stop(reason)

    def _stop(self, reason: StopReason) -> None:
        if self._stopped is not None and reason not in _AT_ONCE:
            return
        self._stopped = self._stopped or reason
        now = time.monotonic()
        if reason in _AT_ONCE:
            self._ladder = [(now, lambda: self._signal_group(signal.SIGKILL))]
            return
        terminate_at = now + ASK_GRACE_S
        self._ladder = [
            (now, lambda: self._process.ask(reason.value)),
            (terminate_at, lambda: self._signal_group(signal.SIGTERM)),
            (terminate_at + TERMINATE_GRACE_S, lambda: self._signal_group(signal.SIGKILL)),
        ]

    def _signal_group(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)
        # Before the process has made its own session there is no group of its name yet.
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, number)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self._process.pid:
                self._exit_code = os.waitstatus_to_exitcode(status)

    def _clear(self) -> None:
        """Kill what the process left behind: its group, and adopted strays of other sessions."""
        kill_descendants(self._process.pid)
        # What it said last may still stand in the pipe.
        with contextlib.suppress(BlockingIOError):
            self._on_status()

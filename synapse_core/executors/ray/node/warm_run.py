"""A run in a process that stays for the next one, with all that the plugin has loaded."""

import os
import signal
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from synapse_core.actions.invoke import invoke
from synapse_core.actions.loading import load_action
from synapse_core.actions.results import result_to_json
from synapse_core.executors.threaded_run import ThreadedRun
from synapse_core.model.event import EventKind
from synapse_core.model.run import RunFailure
from synapse_core.runs.journal import JournalWriter
from synapse_core.runtime.cancellation import CancelToken
from synapse_core.runtime.logging_bridge import bridge_logging
from synapse_core.runtime.streams import capture_streams
from synapse_core.types import JSONValue
from synapse_core.worker.attempt import ASK_GRACE_S, StopReason

__all__ = ["WarmRun"]


class WarmRun(ThreadedRun):
    """Executes in the main thread of a process that serves one version of one plugin.

    The plugin's modules are imported once and kept. An action that does not stop when it is asked
    takes the process along; whoever looks at the run next settles it.
    """

    _timer: threading.Timer | None = None
    _writer: JournalWriter | None = None

    def _call(self, writer: JournalWriter, cancel: CancelToken, number: int) -> JSONValue:
        run, self._writer = self._run, writer
        try:
            with capture_streams(writer), bridge_logging(writer), _variables(run.env):
                action = load_action(Path(run.plugin_path), run.entrypoint)
                with self._context(writer, cancel, number, dict(os.environ)) as context:
                    return result_to_json(invoke(action, run.params, context))
        finally:
            if self._timer is not None:
                self._timer.cancel()

    def _on_stop(self, reason: StopReason) -> None:
        grace_s = 0.0 if reason is StopReason.FORCE else ASK_GRACE_S
        self._timer = threading.Timer(grace_s, self._give_up, [reason])
        self._timer.daemon = True
        self._timer.start()

    def _give_up(self, reason: StopReason) -> None:
        """Kill this process: user code that holds on cannot be ended in any other way."""
        if reason is StopReason.TIMEOUT and self._writer is not None:
            failure = RunFailure(
                type="RunTimeoutError",
                message=f"The attempt took longer than its {self._run.timeout_s:g} s and was "
                "stopped.",
                code="run_timeout",
                hint="Raise the timeout, or let the action do less.",
            )
            self._writer.emit(EventKind.ERROR, asdict(failure))
        os.killpg(0, signal.SIGKILL)


@contextmanager
def _variables(variables: Mapping[str, str]) -> Generator[None]:
    """Set the variables of one run, and leave none to the next."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)

"""A run in a process that stays for the next one, with all that the plugin has loaded."""

import os
import signal
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from synapse_core.actions.definition import Action
from synapse_core.actions.invoke import invoke
from synapse_core.actions.loading import load_action
from synapse_core.actions.results import result_to_json
from synapse_core.config.home import Home
from synapse_core.executors.threaded_run import Stopper, ThreadedRun
from synapse_core.model.event import EventKind
from synapse_core.model.run import Run, RunEnd, RunFailure
from synapse_core.ports import RunStore
from synapse_core.runs.journal import JournalWriter
from synapse_core.runtime.cancellation import CancelToken
from synapse_core.runtime.env import PluginEnvironment
from synapse_core.runtime.logging_bridge import bridge_logging
from synapse_core.runtime.streams import capture_streams
from synapse_core.types import JSONValue
from synapse_core.worker.attempt import ASK_GRACE_S, StopReason

__all__ = ["Attendant", "WarmRun"]


class Attendant(Protocol):
    """Looks after the attempts of a process, which are made one after the other."""

    def attend(self, run: "WarmRun", stopper: Stopper) -> None:
        """Look after an attempt from now on."""
        ...

    def leave(self) -> None:
        """Look after it no longer."""
        ...

    def record(self, end: RunEnd) -> None:
        """Take the end of a run, which is in its journal already."""
        ...


class WarmRun(ThreadedRun):
    """Executes in the main thread of a process that serves one version of one plugin.

    The plugin's modules are imported once and kept. An action that does not stop when it is asked
    takes the process along; whoever looks at the run next settles it.

    Args:
        home: Where the run's folder lies.
        store: The store that holds the run.
        run: The run as it was claimed.
        owner: The claim.
        attendant: Looks after the run.
        is_away: Whether this machine does not see the home that has the run.
    """

    _timer: threading.Timer | None = None
    _writer: JournalWriter | None = None

    def __init__(
        self,
        home: Home,
        store: RunStore,
        run: Run,
        *,
        owner: str,
        attendant: Attendant,
        is_away: bool = False,
    ) -> None:
        super().__init__(home, store, run, owner=owner, turn=nullcontext(), is_away=is_away)
        self._attendant = attendant

    def _record(self, end: RunEnd) -> None:
        self._attendant.record(end)

    @contextmanager
    def _watch(self, cancel: CancelToken) -> Generator[list[StopReason]]:
        stopper = Stopper(cancel, self._run.timeout_s, self._on_stop)
        self._attendant.attend(self, stopper)
        try:
            yield stopper.reasons
        finally:
            self._attendant.leave()
            # Nobody starts another one from here on; it would kill this process amid a later run.
            if self._timer is not None:
                self._timer.cancel()

    def _call(self, writer: JournalWriter, cancel: CancelToken, number: int) -> JSONValue:
        run, self._writer = self._run, writer
        with capture_streams(writer), bridge_logging(writer), _variables(run.env):
            action = _loaded(run.plugin_path, run.entrypoint)
            env = _environment(tuple(run.env.items()))
            with self._context(writer, cancel, number, env) as context:
                return result_to_json(invoke(action, run.params, context))

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


@lru_cache(maxsize=64)
def _loaded(plugin_path: str, entrypoint: str) -> Action:
    """Return an action as it was for an earlier run: the process is for one version of it."""
    return load_action(Path(plugin_path), entrypoint)


@lru_cache(maxsize=16)
def _environment(variables: tuple[tuple[str, str], ...]) -> PluginEnvironment:
    """Return what an action may read: the variables of this process, and those of its run."""
    return PluginEnvironment({**os.environ, **dict(variables)})


@contextmanager
def _variables(variables: Mapping[str, str]) -> Generator[None]:
    """Set the variables of one run, and leave none to the next."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

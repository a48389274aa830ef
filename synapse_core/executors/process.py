"""Places runs in worker processes of this machine, and inspects plugins in others."""

import contextlib
import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path

from synapse_core.config.home import Home
from synapse_core.errors import ActionLoadError, RunTimeoutError, WorkerLostError
from synapse_core.executors.zygote_door import ZygoteDoor
from synapse_core.model.run import Run, WorkerId
from synapse_core.runs.processes import is_alive
from synapse_core.types import JSONObject
from synapse_core.worker.environment import allowed_environment
from synapse_core.worker.orders import InspectOrder, Order, RunOrder, receive_line, send_line

__all__ = ["ProcessExecutor"]

ANSWER_TIMEOUT_S = 30.0
"""A zygote answers within milliseconds; this bounds the wait for one that is stuck."""

MAX_ANSWER_BYTES = 64 << 20


class ProcessExecutor:
    """Implements `Executor` and `Inspector` with the zygote of this user.

    Args:
        home: Where the runs lie.
        environ: Variables of the calling process; workers get the allow-listed ones.
        variables: Further variables that every worker gets.
    """

    name = "process"

    def __init__(
        self, home: Home, environ: Mapping[str, str], variables: Mapping[str, str] | None = None
    ) -> None:
        self._home = home
        self._environ = {**allowed_environment(environ), **(variables or {})}
        self._door = ZygoteDoor(environ)

    def submit(self, run: Run) -> None:
        """Have a supervisor forked for the pending run.

        Idempotent: of two supervisors for one run, one loses the claim and leaves.

        Raises:
            WorkerLostError: No zygote answers.
        """
        order = RunOrder(str(self._home.root), run.id, self._environ)
        answer = self._ask(order, timeout_s=ANSWER_TIMEOUT_S)
        if not answer:  # it was killed between the connection and the answer
            answer = self._ask(order, timeout_s=ANSWER_TIMEOUT_S)
        if not answer:
            raise WorkerLostError(
                "The worker process left twice without an answer.", hint="Run `synapse doctor`."
            )

    def cancel(self, run: Run) -> None:
        """Make the run's supervisor look at the store now."""
        if run.owner is None:
            return
        owner = WorkerId.parse(run.owner)
        if is_alive(owner):
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                os.kill(owner.pid, signal.SIGUSR1)

    def inspect(
        self, path: Path, entrypoints: Mapping[str, str], *, timeout_s: float
    ) -> JSONObject:
        """Import the plugin in a process of its own; see `Inspector`."""
        order = InspectOrder(str(path), dict(entrypoints), self._environ)
        try:
            answer = self._ask(order, timeout_s=timeout_s)
        except TimeoutError as error:
            raise RunTimeoutError(
                f"Importing the plugin at {path} took longer than {timeout_s:g} s.",
                hint="Move work out of the top level of its modules, into the action.",
                path=str(path),
            ) from error
        if "crashed" in answer or not answer:
            raise ActionLoadError(
                f"Importing the plugin at {path} ended the process: {_how(answer)}.",
                hint="Look for sys.exit, os._exit or a crashing C extension at the top level of "
                "its modules.",
                path=str(path),
            )
        return answer

    def close(self) -> None:
        """Do nothing: connections last for one order, and the zygote is shared."""

    def _ask(self, order: Order, *, timeout_s: float) -> JSONObject:
        """Return the answer; empty when the other side left without one."""
        try:
            with self._door.connect(timeout_s=timeout_s) as connection:
                send_line(connection, order)
                line = receive_line(connection, MAX_ANSWER_BYTES)
        except (BrokenPipeError, ConnectionResetError):
            return {}
        return json.loads(line) if line else {}


def _how(answer: JSONObject) -> str:
    exit_code = answer.get("crashed")
    if not isinstance(exit_code, int):
        return "it vanished"
    if exit_code < 0:
        return f"killed by {signal.Signals(-exit_code).name}"
    return f"exit status {exit_code}"

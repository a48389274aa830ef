"""Places runs in worker processes of this machine, and inspects plugins in others."""

import signal
import time
from collections.abc import Mapping
from pathlib import Path

from synapse_core.config.home import Home
from synapse_core.errors import (
    ActionLoadError,
    DependencyError,
    RunTimeoutError,
    WorkerLostError,
)
from synapse_core.executors.placement import Placement, Placements
from synapse_core.model.run import Run, RunKind
from synapse_core.runs.processes import wake_worker
from synapse_core.types import JSONObject, JSONValue
from synapse_core.worker.orders import InspectOrder, ProvideOrder, RunOrder

__all__ = ["ProcessExecutor"]

MIN_IMPORT_S = 5.0
"""What an import gets even when installing its libraries took nearly all the time there was."""


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
        self._placements = Placements(home, environ, variables or {})

    def submit(self, run: Run) -> None:
        """Have a supervisor forked for the pending run.

        Idempotent: of two supervisors for one run, one loses the claim and leaves.

        Raises:
            WorkerLostError: No zygote answers.
            DependencyError: The libraries that the plugin asks for cannot be had at all.
        """
        if run.kind is RunKind.PIPELINE:
            self._place(run, self._placements.for_pipeline())
            return
        plugin = Path(run.plugin_path)
        placement = self._placements.find(plugin)
        try:
            self._place(run, placement)
        except WorkerLostError:
            if placement.venv is None:
                raise
            # Its interpreter does not start any more: have it made anew.
            placement.venv.unseal()
            self._place(run, self._placements.find(plugin))

    def _place(self, run: Run, placement: Placement) -> None:
        root = str(self._home.root)
        order = RunOrder(root, run.id, placement.environ, installer=placement.installer)
        connection, _ = placement.door.start_process(order)
        connection.close()

    def cancel(self, run: Run) -> None:
        """Make the run's supervisor look at the store now."""
        if run.owner is not None:
            wake_worker(run.owner)

    def inspect(
        self, path: Path, entrypoints: Mapping[str, str], *, timeout_s: float
    ) -> JSONObject:
        """Import the plugin in a process of its own; see `Inspector`.

        Libraries that the plugin asks for are installed first. Where that takes longer, it goes on
        when the time is over, and a later call finds them.
        """
        started = time.monotonic()
        placement = self._placements.find(path)
        if placement.installer is not None:
            self._provide(path, placement, placement.installer, timeout_s=timeout_s)
            placement = self._placements.find(path)
        installing_s = time.monotonic() - started
        order = InspectOrder(str(path), dict(entrypoints), placement.environ)
        try:
            left_s = max(timeout_s - installing_s, MIN_IMPORT_S)
            answer = placement.door.ask(order, timeout_s=left_s)
        except WorkerLostError as error:
            if placement.venv is not None:
                placement.venv.unseal()
                error.hint = (
                    "Its libraries are damaged; they are installed anew when you try again."
                )
            raise
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
        return {**answer, "installing_s": installing_s}

    def close(self) -> None:
        """Do nothing: connections last for one order, and the zygote is shared."""

    def _provide(
        self, path: Path, placement: Placement, variables: dict[str, str], *, timeout_s: float
    ) -> None:
        """Have the plugin's libraries installed.

        Raises:
            DependencyError: They cannot be.
            RunTimeoutError: It takes longer, and goes on.
        """
        order = ProvideOrder(str(self._home.root), str(path), variables)
        try:
            answer = placement.door.ask(order, timeout_s=timeout_s)
        except TimeoutError as error:
            raise RunTimeoutError(
                f"The libraries that the plugin at {path} asks for are still being installed.",
                hint="Ask again in a while: the installation goes on.",
                path=str(path),
            ) from error
        failure = answer.get("error")
        if isinstance(failure, dict):
            raise DependencyError(
                str(failure["message"]), hint=str(failure["hint"]), **_facts(failure["data"])
            )


def _facts(data: JSONValue) -> JSONObject:
    return data if isinstance(data, dict) else {}


def _how(answer: JSONObject) -> str:
    exit_code = answer.get("crashed")
    if not isinstance(exit_code, int):
        return "it vanished"
    if exit_code < 0:
        return f"killed by {signal.Signals(-exit_code).name}"
    return f"exit status {exit_code}"

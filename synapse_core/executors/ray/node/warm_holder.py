"""What a Ray actor does: holds the room for a process that executes one run after another."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from synapse_core.config.home import Home
from synapse_core.errors import WorkerLostError
from synapse_core.executors.placement import Placements
from synapse_core.executors.ray.node.arrival import check_sees_home
from synapse_core.executors.ray.node.launch import launch, visible_devices

__all__ = ["WarmHolder"]


class WarmHolder:
    """Holds one process, in the environment of the plugin.

    Args:
        home_root: Root of the home that holds the runs.
        mark: What stands in that home, by which this machine knows that it sees it.
        plugin_path: Folder of the plugin.
        environ: Variables of the door that ordered the first run.
    """

    def __init__(
        self, home_root: str, mark: str, plugin_path: str, environ: Mapping[str, str]
    ) -> None:
        self._home_root = home_root
        self._mark = mark
        self._plugin_path = plugin_path
        self._environ = dict(environ)
        self._host: subprocess.Popen[bytes] | None = None

    def is_there(self) -> bool:
        """Answer, which it does once it has got its room."""
        return True

    def execute(self, run_ids: Sequence[str]) -> None:
        """Execute what is pending of these runs, and return when all of it has ended.

        Raises:
            WorkerLostError: The process has ended; so must this actor.
            ConfigError: This machine does not see the home.
        """
        check_sees_home(self._home_root, self._mark)
        if self._host is None:
            self._host = self._start()
        if self._host is None:
            # The libraries are installed by the run itself; the next one finds them.
            for run_id in run_ids:
                launch(self._home_root, run_id, self._plugin_path, self._environ)
            return
        try:
            told = _tell(self._host, run_ids)
        except BrokenPipeError:
            told = b""
        if not told:
            self._end(self._host)
            raise WorkerLostError("The warm process of the plugin has ended.")

    def _start(self) -> subprocess.Popen[bytes] | None:
        home = Home(Path(self._home_root))
        placements = Placements(home, self._environ, dict(visible_devices()))
        placement = placements.find(Path(self._plugin_path))
        if placement.installer is not None:
            return None
        python = str(placement.venv.python) if placement.venv is not None else sys.executable
        return subprocess.Popen(  # noqa: S603 - our own module, our own interpreter
            [python, "-P", "-m", "synapse_core.executors.ray.node.warm_host", self._home_root],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=placement.environ,
            cwd="/",
            start_new_session=True,
        )

    def _end(self, host: subprocess.Popen[bytes]) -> None:
        with contextlib.suppress(ProcessLookupError):  # nothing is left of it
            os.killpg(host.pid, signal.SIGKILL)
        host.wait()


def _tell(host: subprocess.Popen[bytes], run_ids: Sequence[str]) -> bytes:
    if host.stdin is None or host.stdout is None:
        return b""
    host.stdin.write(f"{' '.join(run_ids)}\n".encode())
    host.stdin.flush()
    return host.stdout.readline()

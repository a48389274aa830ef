"""Runs the commands that make an environment, and tells what they say."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO

from synapse_core.dependencies.explaining import explain, hide_credentials
from synapse_core.dependencies.installers import Installer
from synapse_core.dependencies.recipe import Recipe
from synapse_core.dependencies.venv import Venv
from synapse_core.errors import DependencyError, RunCancelledError, RunTimeoutError

__all__ = ["LOOK_S", "Session", "Watcher"]

TIMEOUT_S = 3600.0
"""Large libraries on a slow line take many minutes; an installer that hangs has to end one day."""

LOOK_S = 0.1
"""Between two looks at the installer's words, and at a lock that somebody else holds."""


@dataclass(frozen=True, slots=True)
class Watcher:
    """What the builder tells, and asks, while it goes on.

    Attributes:
        say: Takes one line of what happens.
        progress: Takes how many of how many stages are done.
        is_stopped_within: Waits the seconds it is given; True as soon as the build is to be given
            up.
        started: Takes the process id of each installer, which leads a session of its own.
        in_installer: Called in each installer's process before its program starts.
    """

    say: Callable[[str], None]
    progress: Callable[[int, int], None]
    is_stopped_within: Callable[[float], bool]
    started: Callable[[int], None] = lambda _pid: None
    in_installer: Callable[[], None] | None = None


class Session:
    """Runs commands one after another, each in a session that is killed as a whole."""

    def __init__(
        self,
        venv: Venv,
        recipe: Recipe,
        installer: Installer,
        variables: Mapping[str, str],
        watcher: Watcher,
    ) -> None:
        self.say = watcher.say
        self._venv = venv
        self._recipe = recipe
        self._installer = installer
        self._variables = variables
        self._watcher = watcher

    def install(self, command: list[str]) -> None:
        """Run one command of the installer to its end.

        Raises:
            DependencyError: It failed.
            RunCancelledError: The watcher gave it up.
            RunTimeoutError: It did not come to an end.
        """
        exit_code, words = self._run(command)
        if exit_code != 0:
            raise explain(
                words,
                self._recipe.entries,
                self._recipe.fixed,
                installer=self._installer.name,
                log=self._venv.log,
            )

    def try_worker(self) -> None:
        """See whether a worker starts in the environment; what it compiles stays compiled.

        Raises:
            DependencyError: One of the libraries takes the place of something the worker needs.
        """
        exit_code, words = self._run(
            [str(self._venv.python), "-P", "-c", "import synapse_core.worker.zygote"]
        )
        if exit_code != 0:
            raise DependencyError(
                "With the libraries the plugin asks for, Synapse's worker does not start: "
                f"{words.strip()[-1000:]}",
                hint="One of them hides a module that the worker needs: look at the last lines.",
                log=str(self._venv.log),
            )

    def _run(self, command: list[str]) -> tuple[int, str]:
        # A file takes what is said whether or not somebody reads it, and is there afterwards.
        with self._venv.log.open("wb") as log, self._venv.log.open("rb") as said:
            process = subprocess.Popen(  # noqa: S603 - an installer, without a shell
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(self._variables),
                cwd=self._venv.folder.parent,
                start_new_session=True,
                preexec_fn=self._watcher.in_installer,  # noqa: PLW1509 - no threads where it is set
            )
            try:
                self._watcher.started(process.pid)
                words = self._follow(process, said)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        return process.returncode, words

    def _follow(self, process: subprocess.Popen[bytes], said: IO[bytes]) -> str:
        """Pass on what is said until the process has ended; return all of it."""
        until = time.monotonic() + TIMEOUT_S
        words, told_to = b"", 0
        while True:
            has_ended = process.poll() is not None
            words += said.read()
            whole = len(words) if has_ended else words.rfind(b"\n") + 1
            for line in words[told_to:whole].decode(errors="replace").splitlines():
                if line.strip():
                    self.say(hide_credentials(line.rstrip()))
            told_to = max(told_to, whole)
            if has_ended:
                return words.decode(errors="replace")
            if self._watcher.is_stopped_within(LOOK_S):
                raise RunCancelledError("The run was stopped while its libraries were installed.")
            if time.monotonic() > until:
                raise RunTimeoutError(
                    f"Installing libraries took longer than {TIMEOUT_S:g} s.",
                    hint="Look at the network, or install large libraries where Synapse runs.",
                    log=str(self._venv.log),
                )

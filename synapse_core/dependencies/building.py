"""Makes a virtual environment, once, however many want it at the same time."""

import contextlib
import errno
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from synapse_core.dependencies.base import site_folders
from synapse_core.dependencies.explaining import FailureKind, explain, hide_credentials
from synapse_core.dependencies.installers import Installer, find_installers
from synapse_core.dependencies.recipe import Recipe, make_recipe
from synapse_core.dependencies.venvs import Contents, Venv, Venvs
from synapse_core.dependencies.wanted import read_wanted
from synapse_core.errors import (
    DependencyError,
    RunCancelledError,
    RunTimeoutError,
    StorageError,
    SynapseError,
)

__all__ = ["Watcher", "provide"]

BUILD_TIMEOUT_S = 3600.0
"""Large libraries on a slow line take many minutes; an installer that hangs has to end one day."""

_LOOK_S = 0.1
"""Between two looks at the installer's words, and at a lock that somebody else holds."""

_TRY_OTHER = frozenset({FailureKind.NOT_FOUND, FailureKind.UNREACHABLE})

_PTH = "zz_synapse.pth"
"""Sorted last: what the environment's own .pth files add comes before Synapse's libraries."""


@dataclass(frozen=True, slots=True)
class Watcher:
    """What the builder tells, and asks, while it goes on.

    Attributes:
        say: Takes one line of what happens.
        progress: Takes how many of how many stages are done.
        is_stopped_within: Waits the seconds it is given; True as soon as the build is to be given
            up.
        started: Takes the process id of each installer, which leads a session of its own.
    """

    say: Callable[[str], None]
    progress: Callable[[int, int], None]
    is_stopped_within: Callable[[float], bool]
    started: Callable[[int], None] = lambda _pid: None


def provide(
    venvs: Venvs, plugin: Path, variables: Mapping[str, str], watcher: Watcher
) -> Venv | None:
    """Return the environment the plugin needs, made if it was not there; None for none.

    Of several that want the same one, the first makes it and the others wait for it.

    Args:
        venvs: Where it belongs.
        plugin: The plugin's folder.
        variables: What the installer is configured with; see `installer_variables`.
        watcher: Is told how it goes.

    Raises:
        DependencyError: It cannot be made; names the requirement, the reason and the remedy.
        RunCancelledError: The watcher gave it up.
        RunTimeoutError: The installer did not come to an end.
        StorageError: The folder cannot be written.
    """
    recipe = make_recipe(read_wanted(plugin))
    if recipe is None:
        return None
    venv = venvs.venv(recipe.key)
    if not venv.is_ready():
        venvs.make_folders()
        with _locked(venv, watcher):
            if not venv.is_ready():  # else somebody made it while we waited
                _build(venv, recipe, variables, watcher)
    return venv


@contextlib.contextmanager
def _locked(venv: Venv, watcher: Watcher) -> Generator[None]:
    """Hold the right to build; it is free again when its holder ends, however that happens."""
    descriptor = os.open(venv.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    has_told = False
    try:
        while not _try_lock(descriptor):
            if not has_told:
                watcher.say("Another run is installing the same libraries; waiting for it.")
                has_told = True
            if watcher.is_stopped_within(_LOOK_S):
                raise RunCancelledError("The run was stopped while its libraries were installed.")
        yield
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _build(venv: Venv, recipe: Recipe, variables: Mapping[str, str], watcher: Watcher) -> None:
    started_at = time.monotonic()
    installers = find_installers(recipe.installer, variables)
    asked = ", ".join(entry.text for entry in recipe.entries)
    watcher.say(f"Installing the libraries the plugin asks for: {asked}")
    try:
        for number, installer in enumerate(installers, start=1):
            venv.discard()
            try:
                _build_with(installer, venv, recipe, variables, watcher)
                break
            except DependencyError as error:
                if number == len(installers) or error.data.get("kind") not in _TRY_OTHER:
                    raise
                watcher.say(f"{installer.name} could not install them; trying the next installer.")
    except BaseException:
        venv.discard()
        raise
    watcher.progress(_STAGES, _STAGES)
    watcher.say(f"The libraries are installed ({time.monotonic() - started_at:.1f} s).")


_STAGES = 4
"""Made, installed, tried, sealed."""


def _build_with(
    installer: Installer,
    venv: Venv,
    recipe: Recipe,
    variables: Mapping[str, str],
    watcher: Watcher,
) -> None:
    session = _Session(venv, recipe, installer, variables, watcher)
    try:
        watcher.progress(0, _STAGES)
        session.install(installer.create(venv.folder))
        watcher.progress(1, _STAGES)
        _install(session, installer, venv, recipe)
        watcher.progress(2, _STAGES)
        packages = _append_base(venv)
        session.try_worker()
        watcher.progress(3, _STAGES)
        venv.seal(_take_stock(venv, packages, recipe))
    except OSError as error:
        if isinstance(error, SynapseError):
            raise
        full = " The disk is full." if error.errno == errno.ENOSPC else ""
        raise StorageError(
            f"Cannot write {venv.folder}: {error.strerror}.{full}",
            hint="Free disk space or check the permissions, then run it again.",
            path=str(venv.folder),
        ) from error


def _install(session: "_Session", installer: Installer, venv: Venv, recipe: Recipe) -> None:
    asked, limits = venv.folder / "requirements.txt", venv.folder / "constraints.txt"
    asked.write_text("\n".join([*recipe.requirement_lines(), ""]), encoding="utf-8")
    limits.write_text("\n".join([*recipe.fixed, *recipe.constraints, ""]), encoding="utf-8")
    arguments = ["--requirement", str(asked), "--constraint", str(limits)]
    if recipe.wheels_dir is not None:
        arguments += ["--find-links", str(recipe.wheels_dir)]
    options = recipe.installer.options
    if recipe.has_all_wheels:
        try:
            # What the plugin brings along is meant to be used, and needs no network.
            session.install(installer.install(venv.python, ["--no-index", *arguments], options))
        except DependencyError as error:
            if error.data.get("kind") not in _TRY_OTHER:
                raise
            session.say("The plugin's own wheels do not suffice; asking the package index.")
        else:
            return
    session.install(installer.install(venv.python, arguments, options))


def _append_base(venv: Venv) -> Path:
    """Let the environment find Synapse behind its own libraries; return the folder of those."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    packages = venv.folder / "lib" / version / "site-packages"
    # addsitedir, unlike a plain line, reads the .pth files in there: an editable install is one.
    lines = [f"import site; site.addsitedir({folder!r})" for folder in site_folders()]
    (packages / _PTH).write_text("\n".join([*lines, ""]), encoding="utf-8")
    return packages


def _take_stock(venv: Venv, packages: Path, recipe: Recipe) -> Contents:
    return Contents(
        requirements=tuple(entry.text for entry in recipe.entries),
        installed=tuple(sorted(one.name for one in packages.glob("*.dist-info"))),
        packages=str(packages.relative_to(venv.folder)),
        stamp=packages.stat().st_mtime_ns,
        size_bytes=sum(one.lstat().st_size for one in venv.folder.rglob("*")),
    )


class _Session:
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
            [str(self._venv.python), "-P", "-c", "import synapse_core.worker.orders"]
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
        until = time.monotonic() + BUILD_TIMEOUT_S
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
            if self._watcher.is_stopped_within(_LOOK_S):
                raise RunCancelledError("The run was stopped while its libraries were installed.")
            if time.monotonic() > until:
                raise RunTimeoutError(
                    f"Installing libraries took longer than {BUILD_TIMEOUT_S:g} s.",
                    hint="Look at the network, or install large libraries where Synapse runs.",
                    log=str(self._venv.log),
                )

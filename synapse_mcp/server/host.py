"""What lives as long as the server: the workspace and the threads."""

import logging
import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup

from synapse_core.config.home import Home
from synapse_core.errors import SynapseError
from synapse_core.logs.redact import Redactor
from synapse_core.operations.environments import (
    list_plugin_folders,
    list_secrets,
    service_environment,
)
from synapse_core.workspace import Workspace, open_workspace
from synapse_mcp.settings import Settings

__all__ = ["Host"]

_LOGGER = logging.getLogger(__name__)

T = TypeVar("T")

_MAX_THREADS = 64
"""Blocking operations at once, of all clients."""

_MAX_LOOKS = 2
"""Reads of a millisecond at once. More threads would spend most of it on getting hold of the
interpreter, and on connections to the store."""

_MAX_WAITS = 256
"""Operations at once that do nothing but wait. They have threads of their own, so that they delay
no others, however many clients wait for however many runs."""


class Host:
    """Opens the workspace when it is first needed, and closes it at the end.

    A home that cannot be opened must not keep the server from starting: clients hide why a server
    died, but show its model why a call failed. So each call tries again and tells.

    Args:
        settings: How the server was started.
        tasks: Holds what goes on beside requests, to the end of the server.
        home: Folder to keep things in; None for `SYNAPSE_HOME`, else `~/.synapse`.
        environ: Environment to read and to hand on to workers; None for the process's own.
    """

    def __init__(
        self,
        settings: Settings,
        tasks: TaskGroup,
        *,
        home: Path | None,
        environ: Mapping[str, str] | None,
    ) -> None:
        self.settings = settings
        self.tasks = tasks
        self.threads = anyio.CapacityLimiter(_MAX_THREADS)
        self.looks = anyio.CapacityLimiter(_MAX_LOOKS)
        self.waits = anyio.CapacityLimiter(_MAX_WAITS)
        self._home = home
        self.environ: Mapping[str, str] = os.environ if environ is None else environ
        self._stack = ExitStack()
        self._opening = anyio.Lock()
        self._workspace: Workspace | None = None

    @cached_property
    def home(self) -> Home:
        """Where things are kept.

        Raises:
            ConfigError: The variables name no place that can be.
        """
        return Home.locate(self.environ) if self._home is None else Home(self._home.absolute())

    @cached_property
    def redactor(self) -> Redactor:
        """Hides what this process and its configuration keep secret."""
        known = Redactor.for_environment(self.environ)
        try:
            return known.knowing(list_secrets(self.home, self.environ))
        except SynapseError:  # who needs the configuration is told what is wrong with it
            return known

    @property
    def roots(self) -> tuple[Path, ...]:
        """Folders in which plugins are looked for.

        Raises:
            ConfigError: The configuration, which names some of them, cannot be used.
        """
        if self.settings.roots is not None:
            return self.settings.roots
        registered = [folder for folder in list_plugin_folders(self.home) if folder.is_dir()]
        return (Path.cwd(), *registered)

    async def workspace(self) -> Workspace:
        """Return the workspace, opened by the first call.

        Raises:
            ConfigError: The configuration cannot be used.
            StorageError: The home cannot be made or opened.
        """
        if self._workspace is not None:
            return self._workspace
        async with self._opening:
            if self._workspace is None:
                self._workspace = await self.blocking(self._open)
            return self._workspace

    async def blocking(self, work: Callable[[], T]) -> T:
        """Run `work` in a thread and return what it returns.

        When the caller is cancelled meanwhile, this ends at once; the thread finishes on its own.
        """
        return await anyio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=self.threads)

    async def waiting(self, work: Callable[[], T]) -> T:
        """Do the same with `work` that mainly waits, and shall keep nobody else waiting."""
        return await anyio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=self.waits)

    async def warm_up(self) -> None:
        """Open the workspace before anybody asks, so that the first call does not wait for it."""
        try:
            await self.workspace()
        except SynapseError as error:
            _LOGGER.warning("Cannot open the workspace yet: %s", error)

    def close(self) -> None:
        """Close the workspace; runs go on."""
        self._stack.close()

    def _open(self) -> Workspace:
        opened = open_workspace(
            self.home.root,
            self.roots,
            environ=self.environ,
            environment=service_environment(self.home),
            may_start=not self.settings.read_only,
        )
        return self._stack.enter_context(opened)

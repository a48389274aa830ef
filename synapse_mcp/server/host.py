"""What lives as long as the server: the workspace and the threads."""

import logging
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup

from synapse_core.errors import SynapseError
from synapse_core.workspace import Workspace, open_workspace
from synapse_mcp.settings import Settings

__all__ = ["Host"]

_LOGGER = logging.getLogger(__name__)

T = TypeVar("T")

_MAX_THREADS = 200
"""Blocking operations at once. A waiting thread costs little; a queue would let one call delay
another."""


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
        self._home = home
        self._environ = environ
        self._stack = ExitStack()
        self._opening = anyio.Lock()
        self._workspace: Workspace | None = None

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
        opened = open_workspace(self._home, self.settings.roots, environ=self._environ)
        return self._stack.enter_context(opened)

"""Executes an action in this process, at once: for scripts, notebooks and debuggers."""

import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from synapse_core.actions.definition import Action
from synapse_core.actions.invoke import invoke
from synapse_core.executors.console import ConsoleSink
from synapse_core.ports import EventSink
from synapse_core.runtime.cancellation import CancelToken
from synapse_core.runtime.context import RuntimeContext
from synapse_core.runtime.env import PluginEnvironment

__all__ = ["LocalExecutor"]


class LocalExecutor:
    """Executes actions one after the other in the calling thread.

    Nothing is isolated and nothing is recorded: what an action reports is shown on stderr, the
    files it saves stay below `folder`, and an error it raises arrives as it is.

    Args:
        env: The variables that actions may read; none without it.
        job_id: Id that actions see as `ctx.job_id`; made up without it.
        sink: Where events go; None to show them on stderr.
        folder: Where saved files and the working directory go; None for a folder of its own among
            the temporary files, made when it is first needed.

    Attributes:
        job_id: Id that actions see.
        folder: Where files go.
    """

    def __init__(
        self,
        env: Mapping[str, object] | None = None,
        job_id: str | None = None,
        *,
        sink: EventSink | None = None,
        folder: Path | None = None,
    ) -> None:
        token = secrets.token_hex(6)
        self.job_id = job_id if job_id is not None else f"local-{token}"
        self.folder = folder or Path(tempfile.gettempdir(), f"synapse-local-{token}")
        self._env = PluginEnvironment(env)
        self._sink = sink or ConsoleSink()
        self._cancel = CancelToken()

    def execute(
        self, action_cls: Action, params: Mapping[str, object] | BaseModel | None = None
    ) -> Any:  # noqa: ANN401 - whatever the action returns
        """Execute an action and return its result as it is, checked against its result model.

        Args:
            action_cls: A `BaseAction` subclass, or a function decorated with `@action`.
            params: What it is given.

        Raises:
            ActionDefinitionError: It is no action.
            ParamsError: The params do not meet its model.
            ResultError: The result does not meet its model.
            BaseException: Whatever the action raises.
        """
        with RuntimeContext(
            self._sink,
            env=self._env,
            job_id=self.job_id,
            folder=self.folder,
            cancel=self._cancel,
        ) as context:
            return invoke(action_cls, params, context)

    def cancel(self) -> None:
        """Ask the running action to stop, from another thread or a signal handler."""
        self._cancel.set()

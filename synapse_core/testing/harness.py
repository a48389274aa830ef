"""Runs an action in one line, and shows all that it did."""

import atexit
import contextlib
import functools
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from synapse_core.actions.definition import Action
from synapse_core.actions.invoke import invoke
from synapse_core.actions.results import result_to_json
from synapse_core.model.event import Event, EventKind
from synapse_core.model.run import ArtifactInfo, Progress, RunSummary
from synapse_core.runs.folding import SummaryFold
from synapse_core.runtime.cancellation import CancelToken
from synapse_core.runtime.context import RuntimeContext
from synapse_core.runtime.env import PluginEnvironment
from synapse_core.runtime.logging_bridge import bridge_logging
from synapse_core.testing.sinks import MemorySink
from synapse_core.types import JSONObject, JSONValue

__all__ = ["ActionRun", "SavedArtifact", "make_context", "run_action"]


@dataclass(frozen=True, slots=True)
class SavedArtifact:
    """A file that the action saved.

    Attributes:
        name: Its name within the run.
        path: Where it lies, absolute.
        size_bytes: Its size.
        sha256: Hex digest of its content.
        media_type: Its IANA media type.
    """

    name: str
    path: Path
    size_bytes: int
    sha256: str
    media_type: str


class ActionRun:
    """What an action returned and reported.

    Attributes:
        result: What it returned, as JSON: what a run on record would have. `Any`, so that a test
            may look into it without casts.
        value: What it returned, as it is.
        error: What it raised, when `run_action` was told not to raise it.
        events: All events, in order.
        folder: Folder of the run; `artifacts` and `work` lie in it.
    """

    def __init__(self, folder: Path, events: list[Event]) -> None:
        self.result: Any = None
        self.value: Any = None
        self.error: BaseException | None = None
        self.events = events
        self.folder = folder

    @property
    def logs(self) -> list[str]:
        """The lines of the log, without level and source."""
        return [str(data.get("message")) for data in self.data_of(EventKind.LOG)]

    @property
    def messages(self) -> list[str]:
        """What the person who started the run was told."""
        return [str(data.get("message")) for data in self.data_of(EventKind.MESSAGE)]

    @property
    def metrics(self) -> dict[str, JSONObject]:
        """The latest metrics by category."""
        return self._summary.metrics

    @property
    def progress(self) -> dict[str, Progress]:
        """The latest progress by category."""
        return self._summary.progress

    @property
    def artifacts(self) -> list[SavedArtifact]:
        """The files it saved, in the order of their first saving."""
        return [self._saved(info) for info in self._summary.artifacts.values()]

    def artifact(self, name: str) -> SavedArtifact:
        """Return the file saved under this name.

        Raises:
            KeyError: None was; names those that were.
        """
        for one in self.artifacts:
            if one.name == name:
                return one
        raise KeyError(f"{name!r} was not saved, only {[one.name for one in self.artifacts]}")

    def series(self, name: str, category: str | None = None) -> list[JSONValue]:
        """Return the values of a metric in the order they were set.

        Args:
            name: Name of the metric.
            category: Only those of this category.
        """
        found: list[JSONValue] = []
        for data in self.data_of(EventKind.METRICS):
            values = data.get("values")
            is_meant = category is None or data.get("category") == category
            if is_meant and isinstance(values, dict) and name in values:
                found.append(values[name])
        return found

    def data_of(self, kind: EventKind) -> list[JSONObject]:
        """Return the data of the events of one kind, in order."""
        return [event.data for event in self.events if event.kind is kind]

    @property
    def _summary(self) -> RunSummary:
        fold = SummaryFold(RunSummary())
        for event in self.events:
            fold.add(event)
        return fold.summary(len(self.events), 0)

    def _saved(self, info: ArtifactInfo) -> SavedArtifact:
        path = self.folder / info.path
        return SavedArtifact(info.name, path, info.size_bytes, info.sha256, info.media_type)


def run_action(
    action: Action,
    params: Mapping[str, object] | BaseModel | None = None,
    *,
    env: Mapping[str, object] | None = None,
    cancel: bool | Callable[[Event], bool] = False,
    check: bool = True,
    job_id: str = "test",
    folder: Path | None = None,
) -> ActionRun:
    """Run an action in this process, as a worker would, and return what it did.

    Its working directory is a new folder, as in a worker; params, result and `logging` are treated
    the same, too.

    Args:
        action: A `BaseAction` subclass, or a function decorated with `@action`.
        params: What it is given.
        env: The variables it may read; none of this process are passed on.
        cancel: True for a run that is cancelled before it begins; a function is asked after each
            event whether to cancel now.
        check: Whether to raise what the action raises; else it is in `error`.
        job_id: Id that the action sees.
        folder: Where its files go; None for a temporary folder that lasts as long as this process.

    Raises:
        ParamsError: The params do not meet the action's model.
        ResultError: The result does not meet its model, or JSON cannot say it.
        RunCancelledError: The action noticed that it was cancelled.
        BaseException: Whatever the action raises.
    """
    token = CancelToken()
    sink = _watched_sink(token, cancel)
    run = ActionRun(folder or _new_folder(), sink.events)
    try:
        with (
            make_context(sink, run.folder, env=env, token=token, job_id=job_id) as context,
            contextlib.chdir(context.work_dir),
            bridge_logging(sink),
        ):
            run.value = invoke(action, params, context)
            run.result = result_to_json(run.value)
    except BaseException as error:
        if check or isinstance(error, KeyboardInterrupt):
            raise
        run.error = error
    return run


def _watched_sink(token: CancelToken, cancel: bool | Callable[[Event], bool]) -> MemorySink:  # noqa: FBT001 - as it is given
    """Return a sink that cancels as soon as the caller wants it."""
    if cancel is True:
        token.set()

    def look(event: Event) -> None:
        if callable(cancel) and cancel(event):
            token.set()

    return MemorySink(look)


def make_context(
    sink: MemorySink,
    folder: Path,
    *,
    env: Mapping[str, object] | None = None,
    token: CancelToken | None = None,
    job_id: str = "test",
) -> RuntimeContext:
    """Return a context that reports to `sink`, to call parts of an action with."""
    return RuntimeContext(
        sink,
        env=PluginEnvironment(env),
        job_id=job_id,
        folder=folder,
        cancel=token or CancelToken(),
    )


def _new_folder() -> Path:
    return Path(tempfile.mkdtemp(dir=_base_folder()))


@functools.cache
def _base_folder() -> str:
    """Return a folder that is removed when this process ends, but not when a fork of it does."""
    folder = tempfile.mkdtemp(prefix="synapse-test-")
    owner = os.getpid()

    def remove() -> None:
        if os.getpid() == owner:
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
    return folder

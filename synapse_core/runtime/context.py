"""All that an action may touch while it runs."""

import functools
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, get_args

from synapse_core.errors import InvalidInputError, nearest
from synapse_core.model.event import EventKind, LogLevel, LogSource
from synapse_core.model.run import ArtifactInfo
from synapse_core.ports import Clock, EventSink
from synapse_core.runtime.artifact_sources import Source
from synapse_core.runtime.artifacts import ArtifactFolder
from synapse_core.runtime.cancellation import CancelToken
from synapse_core.runtime.checkpoints import exact_json
from synapse_core.runtime.env import PluginEnvironment
from synapse_core.runtime.forks import tell_of_forks
from synapse_core.runtime.json_safe import json_safe_object, safe_repr, well_formed
from synapse_core.runtime.metrics import metric_values
from synapse_core.runtime.pipeline_folders import PipelineContext
from synapse_core.runtime.progress import MAIN_CATEGORY, ProgressMeter
from synapse_core.runtime.records import RunLogger
from synapse_core.types import JSONObject

__all__ = ["MessageContext", "RuntimeContext"]

MessageContext = Literal["info", "success", "warning", "danger"]
_MESSAGE_CONTEXTS: tuple[str, ...] = get_args(MessageContext)

# Members of enumerations are slow to get, and slower to encode than plain texts.
_LOG = EventKind.LOG
_LEVELS = {level.value: level.value for level in LogLevel}
_ACTION = LogSource.ACTION.value
_DEVELOPER = LogSource.DEVELOPER.value
_DEBUG = LogLevel.DEBUG.value


class RuntimeContext:
    """What a run reports through, and where it keeps its files.

    Safe to use from any thread. Use it as a context manager, or call `close`, so that progress
    held back is not lost. It is an `EventSink` itself.

    Args:
        sink: Where the events of the run go.
        env: The variables the action may read.
        job_id: The run's id.
        folder: The run's folder; `artifacts` and `work` lie in it.
        cancel: Tells when somebody asks the run to stop.
        client: Client of the service the run belongs to; None for a run of this machine.
        checkpoints: State by name, as earlier attempts saved it.
        pipeline: The folders of the pipeline that the run is a node of; None for a run of its own.
        clock: Where the time comes from.

    Attributes:
        env: The variables the action may read.
        job_id: The run's id.
        client: Client of the service the run belongs to, or None.
        pipeline: The folders that the nodes of the run's pipeline share, or None.
    """

    def __init__(
        self,
        sink: EventSink,
        *,
        env: PluginEnvironment,
        job_id: str,
        folder: Path,
        cancel: CancelToken,
        client: object | None = None,
        checkpoints: Mapping[str, JSONObject] | None = None,
        pipeline: PipelineContext | None = None,
        clock: Clock = time,
    ) -> None:
        self.env = env
        self.job_id = job_id
        self.client = client
        self.pipeline = pipeline
        self._sink = sink
        self._folder = folder
        self._cancel = cancel
        self._checkpoints = dict(checkpoints or {})
        self._at_exit: list[Callable[[], None]] = []
        self._meter = ProgressMeter(clock.monotonic)
        # Events that replace one another must be numbered in the order of what they tell.
        self._in_order = threading.RLock()
        tell_of_forks(self)

    # Made when first asked for: a run in this process shall cost little more than its action.
    @functools.cached_property
    def logger(self) -> logging.Logger:
        """Writes into the run's log; any `logging.Logger` method works."""
        return RunLogger(self)

    @functools.cached_property
    def _artifacts(self) -> ArtifactFolder:
        return ArtifactFolder(self._folder, self._cancel.check)

    @property
    def work_dir(self) -> Path:
        """The run's own working directory, made on first use; relative paths begin here."""
        path = self._folder / "work"
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    @property
    def pipeline_base(self) -> Path:
        """Where a pipeline that this run executes keeps the folders its actions share."""
        return self._folder / "pipeline"

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked the run to stop."""
        return self._cancel.is_set

    def check_cancelled(self) -> None:
        """Leave the action here if somebody asked the run to stop; call it in long loops.

        Raises:
            RunCancelledError: Somebody did.
        """
        self._cancel.check()

    def sleep(self, seconds: float) -> None:
        """Do nothing for a while; unlike `time.sleep`, leave at once when the run is cancelled.

        Raises:
            RunCancelledError: Somebody asked the run to stop.
        """
        self._cancel.wait(seconds)
        self._cancel.check()

    def log(
        self,
        event: str,
        data: object = None,
        file: object = None,
        level: LogLevel | str = LogLevel.INFO,
    ) -> None:
        """Record a structured event.

        Args:
            event: What happened, in a word or two.
            data: Facts about it, usually by name. What JSON cannot say becomes text.
            file: Path of a file it is about.
            level: How important it is.

        Raises:
            InvalidInputError: There is no such level.
        """
        self._log(event, data, file, _level(level), _ACTION)

    def log_dev_event(self, event: str, data: object = None) -> None:
        """Record a detail for the developer of the action: a line of level `debug`."""
        self._log(event, data, None, _DEBUG, _DEVELOPER)

    def log_message(self, message: str, context: MessageContext = "info") -> None:
        """Say a sentence to the person who started the run.

        Args:
            message: The sentence.
            context: `info`, `success`, `warning` or `danger`.

        Raises:
            InvalidInputError: There is no such context.
        """
        if context not in _MESSAGE_CONTEXTS:
            raise _unknown(context, "context of a message", _MESSAGE_CONTEXTS)
        self.emit(EventKind.MESSAGE, {"level": context, "message": _text(message)})

    def set_progress(self, current: float, total: float, category: str | None = None) -> None:
        """Tell how far the work has come; percent, rate and remaining time follow from it.

        Call it as often as you like: of reports that are less than one percent apart, one every
        50 ms is recorded, and the last one always is, before whatever the run does next.

        Args:
            current: How much is done, from 0.
            total: How much there is; above 0.
            category: Name of this part of the work; None for all of it.

        Raises:
            InvalidInputError: A number is NaN, infinite or out of range.
        """
        with self._in_order:
            data = self._meter.report(category or MAIN_CATEGORY, current, total)
            if data is not None:
                self._sink.emit(EventKind.PROGRESS, data)

    def set_metrics(self, value: Mapping[str, object], category: str | None = None) -> None:
        """Record measured values; each call adds a point to the series of every name.

        NaN and infinity are kept as the texts `NaN`, `Infinity` and `-Infinity`.

        Args:
            value: Numbers, texts or booleans by name.
            category: What they belong to, such as `train`; None for the run as a whole.

        Raises:
            InvalidInputError: A value is something else.
        """
        data: JSONObject = {"category": category or MAIN_CATEGORY, "values": metric_values(value)}
        self.emit(EventKind.METRICS, data)

    def save_artifact(
        self, source: Source, name: str | None = None, media_type: str | None = None
    ) -> ArtifactInfo:
        """Keep a file with the run; saving the same name again replaces it at once.

        The file is copied: what happens to `source` afterwards does not matter.

        Args:
            source: A path or bytes. A `str` is the path of a file when it comes without a name,
                and text to be saved when it comes with one.
            name: Relative path among the run's artifacts, with `/` between folders; None for the
                file's own name.
            media_type: Its IANA media type; None to tell it by the name.

        Returns:
            Name, path within the run's folder, size and SHA-256 checksum.

        Raises:
            InvalidInputError: `source` is no regular file, or the name cannot be used.
            PathRefusedError: The name is not a safe relative path.
            RunCancelledError: The run was cancelled while a long file was copied.
            StorageError: The file cannot be read, or the disk is full.
        """
        with self._artifacts.draft(source, name, media_type) as draft, self._in_order:
            draft.publish()
            self.emit(EventKind.ARTIFACT, asdict(draft.info))
        return draft.info

    def save_checkpoint(self, name: str, state: Mapping[str, object]) -> None:
        """Save a position that a later attempt of the run can resume from.

        Args:
            name: What the position belongs to; a later state replaces the earlier one.
            state: JSON values only: it comes back exactly as it was.

        Raises:
            InvalidInputError: The state holds something that JSON cannot carry.
        """
        exact = exact_json(state, name)
        with self._in_order:
            self.emit(EventKind.CHECKPOINT, {"name": name, "state": exact})
            self._checkpoints[name] = exact

    def load_checkpoint(self, name: str) -> JSONObject | None:
        """Return the state last saved under this name, here or in an earlier attempt, or None."""
        state = self._checkpoints.get(name)
        return None if state is None else exact_json(state, name)

    def branch(
        self, name: str, sink: EventSink, *, pipeline: PipelineContext | None = None
    ) -> "RuntimeContext":
        """Return a context for a part of this run that is an action itself.

        It has a folder of its own below this one's, and is cancelled together with this one.

        Args:
            name: What the part goes by; a safe name of a folder.
            sink: Where its events go.
            pipeline: The folders that the parts share.
        """
        return RuntimeContext(
            sink,
            env=self.env,
            job_id=f"{self.job_id}/{name}",
            folder=self._folder / "nodes" / name,
            cancel=self._cancel,
            client=self.client,
            pipeline=pipeline,
        )

    def emit(self, kind: EventKind, data: JSONObject) -> int:
        """Record any event, behind the progress reported before it."""
        if self._meter.holds:
            self.close()
        return self._sink.emit(kind, data)

    def close(self) -> None:
        """Record the progress held back. Idempotent."""
        if self._meter.holds:
            with self._in_order:
                for data in self._meter.release():
                    self._sink.emit(EventKind.PROGRESS, data)

    def after_fork(self) -> None:
        """Replace the lock, which a thread of the parent may hold; what is held back is its too."""
        self._in_order = threading.RLock()
        self._meter.forget_held()

    def call_at_exit(self, undo: Callable[[], None]) -> None:
        """Have something called when the run leaves this context, the latest first."""
        self._at_exit.append(undo)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        while self._at_exit:
            self._at_exit.pop()()
        self.close()

    def _log(self, event: str, data: object, file: object, level: str, source: str) -> None:
        name = _text(event)
        facts: JSONObject = {"level": level, "message": name, "source": source, "event": name}
        if data is not None:
            facts["fields"] = json_safe_object(data)
        if file is not None:
            facts["file"] = _text(file)
        self.emit(_LOG, facts)


def _text(value: object) -> str:
    return well_formed(value if type(value) is str else _as_text(value))


def _as_text(value: object) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - the code of any class may run here
        return safe_repr(value)


def _level(level: LogLevel | str) -> str:
    try:
        return _LEVELS.get(level) or _LEVELS[level.lower()]
    except (KeyError, TypeError, AttributeError):
        raise _unknown(level, "level of a log line", tuple(_LEVELS)) from None


def _unknown(value: object, what: str, allowed: tuple[str, ...]) -> InvalidInputError:
    return InvalidInputError(
        f"{safe_repr(value)} is no {what}.",
        hint=f"{nearest(str(value), allowed)} Use one of {', '.join(allowed)}.".strip(),
    )

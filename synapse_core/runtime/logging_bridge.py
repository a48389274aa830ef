"""What an action and its libraries say through `logging` and `warnings`, as events of its run."""

import logging
import sys
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from synapse_core.model.event import EventKind, LogLevel, LogSource
from synapse_core.ports import EventSink
from synapse_core.runtime.json_safe import well_formed
from synapse_core.runtime.records import TOLD, tell_record
from synapse_core.runtime.reentry import recording
from synapse_core.runtime.streams import CapturedStream
from synapse_core.types import JSONObject

__all__ = ["bridge_logging"]


_LOGGING = LogSource.LOGGING.value


@contextmanager
def bridge_logging(sink: EventSink) -> Generator[None]:
    """Record what goes through `logging`, from level INFO on, and `warnings`.

    The root logger gets a parent, so that `logging.basicConfig` and the like find the root as they
    would without us, and cannot remove what records. Handlers that print to a captured stream stay
    silent: their lines are recorded already, with level and logger. Handlers for files work.

    It changes the whole process, so one run at a time; the innermost of several takes all.
    """
    bridge = _Bridge(sink)
    root = logging.getLogger()
    level, parent, handlers = root.level, root.parent, root.handlers[:]
    with _quiet_consoles(bridge), _warnings_to(bridge):
        root.parent = bridge.above_root
        root.setLevel(min(level, logging.INFO))
        try:
            yield
        finally:
            root.parent = parent
            root.setLevel(level)
            root.handlers[:] = handlers


class _Bridge(logging.Handler):
    """Records each log record once, whichever handlers bring it here."""

    def __init__(self, sink: EventSink) -> None:
        super().__init__()
        self._sink = sink
        self.above_root = logging.Logger("above root")  # noqa: LOG001 - none that others can find
        self.above_root.addHandler(self)

    def handle(self, record: logging.LogRecord) -> bool:
        # Without the lock of the base class: sinks are safe to call from any thread.
        facts = vars(record)
        if TOLD not in facts and not recording.is_aside:
            facts[TOLD] = True
            if recording.is_active:
                _tell_aside(record.msg)
            else:
                recording.is_active = True
                try:
                    tell_record(self._sink, record, _LOGGING)
                finally:
                    recording.is_active = False
        return True

    def warn(self, message: Warning | str, category: type[Warning], file: str, line: int) -> None:
        """Record a warning."""
        text = f"{category.__name__}: {message}"
        data: JSONObject = {
            "level": LogLevel.WARNING,
            "message": well_formed(text),
            "source": LogSource.WARNINGS,
            "file": file,
            "line": line,
        }
        if recording.is_active:
            _tell_aside(text)
        else:
            recording.is_active = True
            try:
                self._sink.emit(EventKind.LOG, data)
            finally:
                recording.is_active = False


def _tell_aside(text: object) -> None:
    """Write what the sink itself says, or a signal handler in the middle of a record."""
    if sys.__stderr__ is not None:
        with suppress(ValueError):
            print(text, file=sys.__stderr__, flush=True)


@contextmanager
def _quiet_consoles(bridge: _Bridge) -> Generator[None]:
    """Let handlers that print to a captured stream bring their records to the bridge instead."""
    consoles: Any = logging.StreamHandler
    original: Callable[[object, logging.LogRecord], None] = consoles.emit

    def emit(handler: "logging.StreamHandler[Any]", record: logging.LogRecord) -> None:
        if isinstance(handler.stream, CapturedStream):
            bridge.handle(record)
        else:
            original(handler, record)

    consoles.emit = emit
    try:
        yield
    finally:
        consoles.emit = original


@contextmanager
def _warnings_to(bridge: _Bridge) -> Generator[None]:
    original = warnings.showwarning
    is_open = True

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if file is None and is_open:
            bridge.warn(message, category, filename, lineno)
        else:
            original(message, category, filename, lineno, file, line)

    warnings.showwarning = show
    try:
        yield
    finally:
        is_open = False  # somebody may have kept our function
        warnings.showwarning = original

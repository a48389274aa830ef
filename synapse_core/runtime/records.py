"""Turns the records of Python's `logging` into log events."""

import logging
import traceback
from collections.abc import Mapping
from typing import Any

from synapse_core.model.event import EventKind, LogLevel, LogSource
from synapse_core.ports import EventSink
from synapse_core.runtime.json_safe import json_safe, json_safe_object, safe_repr, well_formed
from synapse_core.types import JSONObject

__all__ = ["TOLD", "RunLogger", "tell_record"]

TOLD = "synapse_told"
"""Attribute of a record that is an event already: several handlers may bring the same one."""

_PLAIN_RECORD = vars(logging.makeLogRecord({}))
_OWN_ATTRIBUTES = frozenset(_PLAIN_RECORD) | {"message", "asctime", "taskName", TOLD}
"""What a record has of its own; all else came with `extra`."""

_INFO = LogLevel.INFO.value

_NOBODY = "(unknown file)", 0, "(unknown function)", None
"""What `logging` itself says of a caller that it cannot find."""


class RunLogger(logging.Logger):
    """The logger of one run.

    It is no part of the tree of named loggers: it goes with its run, and neither the levels nor the
    handlers of the process it runs in change what is recorded.

    Args:
        sink: Where its lines go.
    """

    def __init__(self, sink: EventSink) -> None:
        super().__init__("action")
        self._sink = sink

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - the name is the base class's
        """Tell whether a line of this level is recorded: unless `setLevel` forbids it."""
        # The base class caches the answer, and clears caches of loggers in its tree only.
        return level >= self.level and level > self.manager.disable

    def findCaller(  # noqa: N802 - the name is the base class's
        self,
        stack_info: bool = False,  # noqa: FBT001, FBT002 - as in the base class
        stacklevel: int = 1,
    ) -> tuple[str, int, str, str | None]:
        """Tell where the line comes from, if anybody is there to be told."""
        if stack_info or self._has_listeners:
            return super().findCaller(stack_info, stacklevel + 1)
        return _NOBODY

    def makeRecord(  # noqa: N802 - the signature is the base class's
        self,
        name: str,
        level: int,
        fn: str,
        lno: int,
        msg: object,
        args: Any,  # noqa: ANN401 - its type is private to the stubs of the base class
        exc_info: Any,  # noqa: ANN401 - private to the stubs, too
        func: str | None = None,
        extra: Mapping[str, object] | None = None,
        sinfo: str | None = None,
    ) -> logging.LogRecord:
        """Make the record of a line, a short one if it is only for the log of the run."""
        if extra is None and not self._has_listeners:
            return _Line(level, msg, args, exc_info, sinfo)
        return super().makeRecord(name, level, fn, lno, msg, args, exc_info, func, extra, sinfo)

    @property
    def _has_listeners(self) -> bool:
        """Whether somebody looks at records who may ask for more than what is recorded."""
        return bool(self.handlers or self.filters) or (
            logging.getLogRecordFactory() is not logging.LogRecord
        )

    def handle(self, record: logging.LogRecord) -> None:
        """Record the line; handlers that were added to this logger get it too."""
        if not self.disabled and self.filter(record):
            tell_record(self._sink, record, LogSource.ACTION)
            for handler in self.handlers:
                if record.levelno >= handler.level:
                    handler.handle(record)


class _Line(logging.LogRecord):
    """What is recorded of a line; process, thread and place, which cost more, are left out."""

    def __init__(
        self,
        level: int,
        msg: object,
        args: Any,  # noqa: ANN401 - as in `makeRecord`
        exc_info: Any,  # noqa: ANN401 - private to the stubs, too
        sinfo: str | None,
    ) -> None:
        if len(args) == 1 and isinstance(args[0], Mapping) and args[0]:
            args = args[0]  # for `%(name)s`, as the base class does it
        self.name = "action"
        self.msg = msg
        self.args = args
        self.levelno = level
        self.levelname = logging.getLevelName(level)
        self.exc_info = exc_info
        self.exc_text = None
        self.stack_info = sinfo


def tell_record(sink: EventSink, record: logging.LogRecord, source: LogSource) -> None:
    """Record one log record as an event: its message and traceback, level, and `extra` fields."""
    data: JSONObject = {"level": _level(record), "message": _text(record), "source": source}
    if source is not LogSource.ACTION:
        data["logger"] = json_safe(record.name)
    own = vars(record)
    if len(own) > len(_PLAIN_RECORD) + (TOLD in own):
        extra = {name: it for name, it in own.items() if name not in _OWN_ATTRIBUTES}
        if extra:
            data["fields"] = json_safe_object(extra)
    sink.emit(EventKind.LOG, data)


def _level(record: logging.LogRecord) -> str:
    number = record.levelno
    if number == logging.INFO:
        return _INFO
    if number >= logging.ERROR:
        return LogLevel.CRITICAL if number >= logging.CRITICAL else LogLevel.ERROR
    if number >= logging.WARNING:
        return LogLevel.WARNING
    if record.levelname == "SUCCESS":  # several libraries have added it, between the two
        return LogLevel.SUCCESS
    return LogLevel.INFO if number >= logging.INFO else LogLevel.DEBUG


def _text(record: logging.LogRecord) -> str:
    text = _message(record)
    if record.exc_info and record.exc_info[0] is not None:
        text = f"{text}\n{''.join(traceback.format_exception(*record.exc_info)).rstrip()}"
    elif record.exc_text:
        text = f"{text}\n{record.exc_text}"
    if record.stack_info:
        text = f"{text}\n{record.stack_info}"
    return well_formed(text)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as error:  # noqa: BLE001 - a line that cannot be formatted is still a line
        template = record.msg if isinstance(record.msg, str) else safe_repr(record.msg)
        return f"{template} {safe_repr(record.args)} [not formatted: {safe_repr(error)}]"

"""Turns the records of Python's `logging` into log events."""

import logging
import traceback

from synapse_core.model.event import EventKind, LogLevel, LogSource
from synapse_core.ports import EventSink
from synapse_core.runtime.json_safe import json_safe, json_safe_object, safe_repr, well_formed
from synapse_core.types import JSONObject

__all__ = ["RunLogger", "tell_record"]

_PLAIN_RECORD = vars(logging.makeLogRecord({}))
_OWN_ATTRIBUTES = frozenset(_PLAIN_RECORD) | {"message", "asctime", "taskName", "synapse_told"}
"""What a record has of its own; all else came with `extra`."""


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

    def handle(self, record: logging.LogRecord) -> None:
        """Record the line; handlers that were added to this logger get it too."""
        if not self.disabled and self.filter(record):
            tell_record(self._sink, record, LogSource.ACTION)
            for handler in self.handlers:
                if record.levelno >= handler.level:
                    handler.handle(record)


def tell_record(sink: EventSink, record: logging.LogRecord, source: LogSource) -> None:
    """Record one log record as an event: its message and traceback, level, and `extra` fields."""
    data: JSONObject = {"level": _level(record), "message": _text(record), "source": source}
    if source is not LogSource.ACTION:
        data["logger"] = json_safe(record.name)
    if len(vars(record)) > len(_PLAIN_RECORD):
        extra = {name: it for name, it in vars(record).items() if name not in _OWN_ATTRIBUTES}
        if extra:
            data["fields"] = json_safe_object(extra)
    sink.emit(EventKind.LOG, data)


def _level(record: logging.LogRecord) -> LogLevel:
    number = record.levelno
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

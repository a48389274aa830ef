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

# To get a member from its class takes as long as to look for a secret.
_LOG = EventKind.LOG
_INFO = LogLevel.INFO.value
_ACTION = LogSource.ACTION.value


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

    def _log(
        self,
        level: int,
        msg: object,
        args: Any,  # noqa: ANN401 - its type is private to the stubs of the base class
        exc_info: Any = None,  # noqa: ANN401 - private to the stubs, too
        extra: Mapping[str, object] | None = None,
        stack_info: bool = False,  # noqa: FBT001, FBT002 - as in the base class
        stacklevel: int = 1,
    ) -> None:
        """Record a line, at once if nobody needs a record of it with its place and thread."""
        if exc_info or extra or stack_info or self._has_listeners:
            super()._log(level, msg, args, exc_info, extra, stack_info, stacklevel + 1)
        elif not self.disabled:
            text = well_formed(_formatted(msg, args))
            told = _level(level, logging.getLevelName(level))
            self._sink.emit(_LOG, {"level": told, "message": text, "source": _ACTION})

    @property
    def _has_listeners(self) -> bool:
        """Whether somebody looks at records who may ask for more than what is recorded."""
        return bool(self.handlers or self.filters) or (
            logging.getLogRecordFactory() is not logging.LogRecord
        )

    def handle(self, record: logging.LogRecord) -> None:
        """Record the line; handlers that were added to this logger get it too."""
        if not self.disabled and self.filter(record):
            tell_record(self._sink, record, _ACTION)
            for handler in self.handlers:
                if record.levelno >= handler.level:
                    handler.handle(record)


def tell_record(sink: EventSink, record: logging.LogRecord, source: str) -> None:
    """Record one log record as an event: its message and traceback, level, and `extra` fields."""
    data: JSONObject = {
        "level": _level(record.levelno, record.levelname),
        "message": _text(record),
        "source": source,
    }
    if source != _ACTION:
        data["logger"] = json_safe(record.name)
    own = vars(record)
    if len(own) > len(_PLAIN_RECORD) + (TOLD in own):
        extra = {name: it for name, it in own.items() if name not in _OWN_ATTRIBUTES}
        if extra:
            data["fields"] = json_safe_object(extra)
    sink.emit(_LOG, data)


def _level(number: int, name: str) -> str:
    if number == logging.INFO:
        return _INFO
    if number >= logging.ERROR:
        return LogLevel.CRITICAL if number >= logging.CRITICAL else LogLevel.ERROR
    if number >= logging.WARNING:
        return LogLevel.WARNING
    if name == "SUCCESS":  # several libraries have added it, between the two
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
        return _unformatted(record.msg, record.args, error)


def _formatted(template: object, args: Any) -> str:  # noqa: ANN401 - as in `RunLogger`
    """Return the message as a record makes it of template and arguments."""
    try:
        if not args:
            return str(template)
        if len(args) == 1 and isinstance(args[0], Mapping) and args[0]:
            args = args[0]  # for `%(name)s`
        return str(template) % args
    except Exception as error:  # noqa: BLE001 - a line that cannot be formatted is still a line
        return _unformatted(template, args, error)


def _unformatted(template: object, args: object, error: Exception) -> str:
    shown = template if isinstance(template, str) else safe_repr(template)
    return f"{shown} {safe_repr(args)} [not formatted: {safe_repr(error)}]"

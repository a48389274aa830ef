"""The one place where errors become exit codes and words on stderr.

Nothing else in the command line catches an error to tell about it. A person reads what happened,
why, and the fix; with `--json`, a program reads the same from stdout as `{"error": …}`. Tracebacks
are for us: `SYNAPSE_DEBUG=1` shows them.
"""

import json
import os
import shlex
import sys
import traceback
from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import TypeGuard

import typer

from synapse_core.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    ParamsError,
    RefusedError,
    SynapseError,
)
from synapse_core.types import JSONObject, JSONValue
from synapse_mcp.cli.output import Output, PipeClosedError, note, paint

__all__ = ["ExitCode", "UsageFault", "exit_code_of", "guard"]

_MAX_PROBLEMS = 20
_MAX_VALUE_CHARS = 200


class ExitCode(IntEnum):
    """What a script can tell from the exit status."""

    DONE = 0
    FAILED = 1
    """A run ended without a result, a check found an error, or Synapse itself could not go on."""
    USAGE = 2
    """What was typed cannot be used: an option, a param, a file, the configuration."""
    NOT_FOUND = 3
    """No such plugin, action, run, artifact or environment."""
    REFUSED = 4
    """A rule forbids it, a yes is missing, or the run is in no state that allows it."""
    INTERRUPTED = 130
    """Ctrl-C, as shells report it: 128 + SIGINT."""
    PIPE_CLOSED = 141
    """Nobody reads stdout any more, as shells report it: 128 + SIGPIPE."""


class UsageFault(InvalidInputError):  # noqa: N818 a name for people; `Error` stands in its base
    """The words of a command do not go together."""

    code = "usage"


def guard(action: Callable[[], object], *, as_json: bool) -> int:
    """Do something, and return the exit code: what it returns, or that of the error it raised."""
    try:
        code = action()
        sys.stdout.flush()
    except (PipeClosedError, BrokenPipeError):
        return _leave_closed_pipe()
    except (KeyboardInterrupt, typer.Abort):  # Ctrl-C, or Ctrl-D at a question
        return ExitCode.INTERRUPTED
    except SynapseError as error:
        _show_traceback()
        return _tell(error, as_json=as_json)
    except typer.TyperException as error:
        return _tell_usage(error, as_json=as_json)
    except Exception as error:  # noqa: BLE001 the last resort: a fault of ours
        return _tell_internal(error, as_json=as_json)
    return code if isinstance(code, int) else ExitCode.DONE


def exit_code_of(error: SynapseError) -> ExitCode:
    """Return the exit code of an error."""
    match error:
        case InvalidInputError():
            return ExitCode.USAGE
        case NotFoundError():
            return ExitCode.NOT_FOUND
        case RefusedError() | ConflictError():
            return ExitCode.REFUSED
        case _:
            return ExitCode.FAILED


def _tell(error: SynapseError, *, as_json: bool) -> int:
    code = exit_code_of(error)
    if as_json:
        told: JSONObject = {"code": error.code, "message": error.message, "hint": error.hint}
        Output(as_json=True).json({"error": {**told, **error.data, "exit_code": int(code)}})
    _say("Error", error.message)
    for place in _places(error.data):
        note(f"  - {place}")
    if error.hint:
        _say("Fix", error.hint, colour="bold")
    example = error.data.get("example")
    if example:
        _say("Example", _typed(example, error), colour="bold")
    return code


def _typed(example: JSONValue, error: SynapseError) -> str:
    """Return an example as somebody would type it."""
    if isinstance(example, str):
        return example
    text = json.dumps(example, ensure_ascii=False)
    return f"--params {shlex.quote(text)}" if isinstance(error, ParamsError) else text


def _tell_usage(error: typer.TyperException, *, as_json: bool) -> int:
    message = error.format_message()
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "synapse"
    if as_json:
        told = {"code": "usage", "message": message, "hint": f"{path} --help"}
        Output(as_json=True).json({"error": {**told, "exit_code": int(ExitCode.USAGE)}})
    _say("Error", message)
    if context is not None:
        note(context.get_usage())
    note(f"Try: {path} --help")
    return ExitCode.USAGE


def _tell_internal(error: Exception, *, as_json: bool) -> int:
    _show_traceback()
    message = f"{type(error).__name__}: {error}"
    hint = "This is a fault of Synapse. Please report it with what SYNAPSE_DEBUG=1 shows."
    if as_json:
        told = {"code": "internal_error", "message": message, "hint": hint}
        Output(as_json=True).json({"error": {**told, "exit_code": int(ExitCode.FAILED)}})
    _say("Internal error", message)
    note(hint)
    return ExitCode.FAILED


def _leave_closed_pipe() -> int:
    # Python flushes stdout once more at its end and would complain.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ExitCode.PIPE_CLOSED


def _say(word: str, text: str, *, colour: str = "red") -> None:
    first, *more = text.split("\n")
    sys.stderr.write(paint(f"{word}: ", colour, sys.stderr))
    note(first)
    for line in more:
        note(f"  {line}")


def _show_traceback() -> None:
    if os.environ.get("SYNAPSE_DEBUG"):
        traceback.print_exc()


def _places(data: Mapping[str, JSONValue]) -> list[str]:
    """Return a line for each problem or diagnostic that the error lists beside its message."""
    found = data.get("problems") or data.get("diagnostics")
    if not isinstance(found, list):
        return []
    lines = [_place(item) for item in found[:_MAX_PROBLEMS] if _is_object(item)]
    more = len(found) - _MAX_PROBLEMS
    return [*lines, f"and {more} more"] if more > 0 else lines


def _place(item: Mapping[str, JSONValue]) -> str:
    path = str(item.get("path") or item.get("key") or "")
    line = f" (line {item['line']})" if item.get("line") else ""
    parts = [f"{path}{line}: {item.get('message', '')}".lstrip(": ")]
    if item.get("allowed"):
        parts.append(f"allowed: {_cut(item['allowed'])}")
    if "given" in item:
        parts.append(f"given: {_cut(item['given'])}")
    return "; ".join(parts)


def _cut(value: JSONValue) -> str:
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= _MAX_VALUE_CHARS else f"{text[:_MAX_VALUE_CHARS]}…"


def _is_object(value: JSONValue) -> TypeGuard[dict[str, JSONValue]]:
    return isinstance(value, dict)

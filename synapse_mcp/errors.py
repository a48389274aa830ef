"""Errors as text that lets an agent correct its next call.

Clients show a model only the text of a failed call, so everything is in it: a stable code, what
happened and why, the fix, and an example of a call that works. Nothing of an unexpected exception
leaves the server; it goes to the log on stderr.
"""

import json
from collections.abc import Iterable, Mapping
from typing import TypeGuard

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from synapse_core.errors import InvalidInputError, SynapseError, nearest
from synapse_core.types import JSONObject, JSONValue

__all__ = [
    "InvalidArgumentsError",
    "ResultTooLargeError",
    "ToolNotFoundError",
    "UnknownResourceError",
    "arguments_error",
    "as_call",
    "clip",
    "error_text",
    "internal_error_text",
    "well_formed",
]

_MAX_CHARS = 2_000
_MAX_MESSAGE = 800
_MAX_FIX = 400
_MAX_PROBLEMS = 8
_MAX_VALUE_CHARS = 120


class InvalidArgumentsError(InvalidInputError):
    """A tool or prompt was called with arguments that do not meet its schema."""

    code = "invalid_arguments"


class ToolNotFoundError(InvalidInputError):
    """No tool has this name, or the server was started without it."""

    code = "tool_not_found"


class UnknownResourceError(InvalidInputError):
    """No resource has this URI, or a part of it is not safe."""

    code = "resource_not_found"


class ResultTooLargeError(InvalidInputError):
    """What was asked for does not fit into one result."""

    code = "result_too_large"


_ADVICE: dict[str, tuple[str, str]] = {
    "plugin_not_found": ("Search for the plugins there are.", "plugin_search {}"),
    "action_not_found": (
        "Describe the plugin to see its actions.",
        'plugin_describe {"plugin": "my_plugin"}',
    ),
    "run_not_found": ("List the runs to see their ids.", 'run_list {"limit": 5}'),
    "artifact_not_found": ("List what the run saved.", 'run_outputs {"run_id": "last"}'),
    "environment_not_found": ("See which environments there are.", "env_doctor {}"),
    "env_key_not_set": (
        "Pass the variable to the run, or set it under `env` in the plugin's config.yaml.",
        'run_start {"plugin": "p", "action": "a", "params": {}, "env": {"KEY": "value"}}',
    ),
    "not_found": ("Look for what exists first.", "plugin_search {}"),
    "invalid_params": (
        "Correct the params; the schema tells what is allowed.",
        'plugin_describe {"plugin": "my_plugin", "action": "train"}',
    ),
    "invalid_manifest": (
        "Correct config.yaml at the places named; the check shows all of them.",
        'plugin_check {"path": "my_plugin"}',
    ),
    "invalid_config": ("Correct Synapse's configuration; the doctor names it.", "env_doctor {}"),
    "invalid_cursor": (
        "Pass a next_cursor exactly as the same tool returned it, or leave it out to begin again.",
        'run_logs {"run_id": "last", "tail": 50}',
    ),
    "invalid_action": ("Correct the action's definition.", 'plugin_check {"path": "my_plugin"}'),
    "invalid_step": ("Correct the action's setup_steps.", 'plugin_check {"path": "my_plugin"}'),
    "invalid_env_value": (
        "Pass a value of the type that the action asks for.",
        'run_start {"plugin": "p", "action": "a", "params": {}, "env": {"SIZE": "32"}}',
    ),
    "invalid_input": ("Correct the value named above and call again.", ""),
    "path_refused": (
        "Give a path inside the server's roots, which config://effective lists.",
        "plugin_search {}",
    ),
    "confirmation_required": ("Ask the user, then repeat the call with the words named above.", ""),
    "overwrite_refused": (
        "Choose another name or folder, or edit the file that is there.",
        'plugin_scaffold {"name": "other_name", "dry_run": true}',
    ),
    "refused": ("A rule of this installation forbids it; config://effective shows them.", ""),
    "conflict": ("Look at the run's status first.", 'run_status {"run_id": "last"}'),
    "lease_lost": ("Look at the run's status; it goes on elsewhere or has ended.", ""),
    "run_failed": ("Read the error and the log.", 'run_logs {"run_id": "last", "level": "error"}'),
    "action_failed": (
        "Correct the action at the place named, then run it again.",
        'run_logs {"run_id": "last", "level": "error"}',
    ),
    "action_load_failed": (
        "Correct the import or the entrypoint; the check names file and line.",
        'plugin_check {"path": "my_plugin"}',
    ),
    "step_failed": ("Read the step's error in the log.", 'run_logs {"run_id": "last", "tail": 50}'),
    "dependency_failed": (
        "Correct the requirement named above in the plugin's requirements.txt or pyproject.toml.",
        'plugin_check {"path": "my_plugin"}',
    ),
    "invalid_result": (
        "Return what the action's result model asks for, or correct the model.",
        'plugin_describe {"plugin": "my_plugin", "action": "train"}',
    ),
    "run_timeout": (
        "Allow more time, or find out what was slow in the log.",
        'run_start {"plugin": "p", "action": "a", "params": {}, "timeout_s": 600}',
    ),
    "run_cancelled": ("Start it again if that was not meant.", 'run_list {"limit": 5}'),
    "worker_lost": (
        "Read the last lines of the log, then start it again; the doctor looks for a cause.",
        "env_doctor {}",
    ),
    "storage_failed": ("Free disk space or correct the permissions.", "env_doctor {}"),
    "store_unavailable": ("Try again in a moment; the doctor names the cause.", "env_doctor {}"),
    "journal_failed": ("The log of this run is damaged; start the run again.", "env_doctor {}"),
    "missing_extra": ("Install the package named above where synapse-mcp is installed.", ""),
    "invalid_arguments": ("Correct the arguments named above and call again.", ""),
    "tool_not_found": ("Call one of the tools that tools/list returns.", "plugin_search {}"),
    "resource_not_found": ("Read one of the listed resources and templates.", ""),
    "result_too_large": ("Ask for less: a smaller limit, or one item by name.", ""),
}
"""Fix and example by error code, used where the error itself brings none."""

_FALLBACK = ("Correct the call and try again.", "")


def error_text(error: SynapseError, *, example: str = "") -> str:
    """Return the text of a failed call: code and what happened, then the fix, then an example.

    Args:
        error: What was raised on purpose.
        example: A call that would work, better than the one known for the code; may be empty.
    """
    fix, usual = _ADVICE.get(error.code, _FALLBACK)
    head = clip(f"[{error.code}] {error.message.strip()}", _MAX_MESSAGE)
    end = f"\nFix: {clip(error.hint.strip() or fix, _MAX_FIX)}"
    shown = example or usual
    if shown and len(head) + len(end) + len(shown) < _MAX_CHARS:  # a part of a call helps nobody
        end += f"\nExample: {shown}"
    left = _MAX_CHARS - len(head) - len(end)
    return well_formed(
        head + clip("".join(f"\n{line}" for line in _places(error.data)), left) + end
    )


def internal_error_text(where: str) -> str:
    """Return the text for an exception nobody foresaw; its own words stay in the server's log."""
    return (
        f"[internal_error] {where} failed inside Synapse. This is a fault of Synapse, "
        "not of your call.\n"
        "Fix: Try once more; if it fails again, tell the user to look at the server's stderr.\n"
        "Example: env_doctor {}"
    )


def arguments_error(
    name: str, error: ValidationError, known: Iterable[str], example: JSONObject
) -> InvalidArgumentsError:
    """Translate what pydantic found wrong with the arguments of `name` into our words."""
    names = list(known)
    problems = [_problem(details, names) for details in error.errors(include_url=False)]
    listed = "\n".join(f"- {problem}" for problem in problems[:_MAX_PROBLEMS])
    more = len(problems) - _MAX_PROBLEMS
    rest = f"\n- and {more} more" if more > 0 else ""
    count = "a wrong argument" if len(problems) == 1 else f"{len(problems)} wrong arguments"
    return InvalidArgumentsError(
        f"{name} got {count}; nothing was done.\n{listed}{rest}",
        hint=f"Correct them and call again. Arguments of {name}: {', '.join(names) or 'none'}.",
        example=as_call(name, example),
    )


def as_call(name: str, arguments: Mapping[str, JSONValue]) -> str:
    """Return a call as text that a model can repeat: the tool's name and its JSON arguments."""
    return f"{name} {json.dumps(arguments, ensure_ascii=False)}"


def clip(text: str, max_chars: int) -> str:
    """Return `text`, cut with a mark when it is longer than `max_chars`."""
    return text if len(text) <= max_chars else f"{text[: max_chars - 2]} …"


def well_formed(text: str) -> str:
    """Return `text` without lone surrogates, which no UTF-8 frame can carry.

    They come from file names that are not UTF-8; one in a frame would end the connection.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()
    return text


def _problem(details: ErrorDetails, known: list[str]) -> str:
    path = ".".join(str(part) for part in details["loc"])
    if details["type"] == "extra_forbidden":
        return f"{path}: there is no such argument. {nearest(path, known)}".rstrip()
    if details["type"] == "missing":
        return f"{path}: is required"
    message = details["msg"].removeprefix("Value error, ").removeprefix("Input ")
    given = clip(repr(details["input"]), _MAX_VALUE_CHARS)
    return f"{path}: {message}; got {given}" if path else f"{message}; got {given}"


def _places(data: Mapping[str, JSONValue]) -> list[str]:
    """Return one line for each problem or diagnostic that an error lists beside its message."""
    lines: list[str] = []
    for key in ("problems", "diagnostics"):
        found = data.get(key)
        if not isinstance(found, list):
            continue
        told = [_place(item) for item in found if _is_object(item)]
        lines += [f"- {line}" for line in told[:_MAX_PROBLEMS] if line]
        if len(told) > _MAX_PROBLEMS:
            lines.append(f"- and {len(told) - _MAX_PROBLEMS} more")
    return lines


def _place(item: Mapping[str, JSONValue]) -> str:
    path = str(item.get("path") or item.get("key") or "")
    line = f" (line {item['line']})" if item.get("line") else ""
    parts = [f"{path}{line}: {item.get('message', '')}".lstrip(": ")]
    if item.get("allowed"):
        parts.append(f"allowed: {_short(item['allowed'])}")
    if "given" in item:
        parts.append(f"got {_short(item['given'])}")
    return "; ".join(parts)


def _short(value: JSONValue) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return clip(text, _MAX_VALUE_CHARS)


def _is_object(value: JSONValue) -> TypeGuard[dict[str, JSONValue]]:
    return isinstance(value, dict)

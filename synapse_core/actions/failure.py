"""Tells why an action failed, whatever it raised."""

import json
import traceback
from pathlib import Path
from typing import TypeGuard

from synapse_core.actions.advice import advise
from synapse_core.actions.places import find_frame
from synapse_core.actions.problems import tell_problems
from synapse_core.errors import SynapseError
from synapse_core.model.run import RunFailure
from synapse_core.runtime.json_safe import well_formed

__all__ = ["describe_failure"]

_MAX_MESSAGE = 8_000
_MAX_TRACEBACK = 64_000
_MAX_NAMED = 5
"""Members of a group that are told."""

_MAX_EXAMPLE = 1_000


def describe_failure(error: BaseException, plugin_folder: Path) -> RunFailure:
    """Return why a run failed; never raises, whatever the exception's own code does.

    Args:
        error: What came out of loading or executing the action.
        plugin_folder: Where its own code lies.
    """
    frame = find_frame(error, plugin_folder.resolve())
    return RunFailure(
        type=type(error).__name__,
        message=_clip(_say(error, frame.source if frame is not None else ""), _MAX_MESSAGE),
        code=error.code if isinstance(error, SynapseError) else "action_failed",
        hint=_hint(error),
        where=frame,
        traceback=_clip(_format(error), _MAX_TRACEBACK),
    )


def _say(error: BaseException, source: str) -> str:
    """Return what the exception says, or what its kind means where it says nothing of use."""
    match error:
        case SynapseError():
            text = _with_problems(error)
        case SystemExit():
            text = f"The action called sys.exit({'' if error.code is None else repr(error.code)})."
        case KeyboardInterrupt():
            text = _text_of(error) or "The action was interrupted."
        case BaseExceptionGroup():
            text = _name_members(error)
        case AssertionError():
            text = _text_of(error) or f"This does not hold: {source or 'an assertion'}"
        case _:
            text = _text_of(error) or f"{type(error).__name__} was raised without a message."
    return "\n".join([text, *_notes(error)])


def _with_problems(error: SynapseError) -> str:
    problems = error.data.get("problems")
    listed = (
        [one for one in problems if isinstance(one, dict)] if isinstance(problems, list) else []
    )
    told = tell_problems(listed)
    if not told or told in error.message:
        return error.message
    return f"{error.message} {told}."


def _name_members(error: "BaseExceptionGroup[BaseException]") -> str:
    members = error.exceptions
    told = [f"{type(one).__name__}: {_text_of(one)}" for one in members[:_MAX_NAMED]]
    if len(members) > _MAX_NAMED:
        told.append(f"and {len(members) - _MAX_NAMED} more")
    return f"{_text_of(error)}: {'; '.join(told)}"


def _hint(error: BaseException) -> str:
    hint = advise(error)
    example = error.data.get("example") if isinstance(error, SynapseError) else None
    if isinstance(example, dict):
        text = json.dumps(example, ensure_ascii=False)
        if len(text) <= _MAX_EXAMPLE:
            return f"{hint} These would do: {text}".strip()
    return hint


def _text_of(error: BaseException) -> str:
    try:
        return well_formed(str(error))
    except BaseException as fault:  # noqa: BLE001 - the author's own `__str__` may raise anything
        return f"<{type(error).__name__} whose text cannot be made: {type(fault).__name__}>"


def _notes(error: BaseException) -> list[str]:
    notes: object = getattr(error, "__notes__", None)
    return [well_formed(one) for one in notes if isinstance(one, str)] if _is_list(notes) else []


def _is_list(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)


def _format(error: BaseException) -> str:
    try:
        return well_formed("".join(traceback.format_exception(error)))
    except BaseException as fault:  # noqa: BLE001 - as above; a failure must still be told
        return f"{type(error).__name__}: its traceback cannot be shown ({type(fault).__name__})\n"


def _clip(text: str, most: int) -> str:
    """Return the text with its middle left out where it is too long: both ends tell most."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}\n… {len(text) - 2 * half:,} characters left out …\n{text[-half:]}"

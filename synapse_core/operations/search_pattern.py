"""Regular expressions that somebody else writes."""

import re

from synapse_core.errors import InvalidInputError

__all__ = ["compile_pattern"]

_UNBOUNDED = re.compile(r"(?:[*+]|\{\d*,\})[?+]?")
_CLASS = re.compile(r"\[\^?\]?(?:\\.|[^\\\]])*\]", re.DOTALL)
_OPENING = re.compile(r"\((?:\?(?:P<\w+>|<?[=!]|[:>]|[aiLmsux-]+:))?")


def compile_pattern(text: str) -> re.Pattern[str]:
    """Return the regular expression, ignoring case.

    A repetition within a repetition is refused: on a line that almost fits, it may take longer than
    the world has been there, and nothing can interrupt it.

    Raises:
        InvalidInputError: It is none, or repeats what repeats.
    """
    try:
        pattern = re.compile(text, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        raise InvalidInputError(
            f"{text!r} is no regular expression: {error}.",
            hint="Escape special characters with a backslash, or search for plain words.",
            grep=text,
        ) from error
    if _repeats_a_repetition(text):
        raise InvalidInputError(
            f"{text!r} repeats a group in which something repeats, which may never end.",
            hint="Repeat only the inner or only the outer part, or search for plain words.",
            grep=text,
        )
    return pattern


def _repeats_a_repetition(text: str) -> bool:
    """Whether a group that holds an unbounded repetition is repeated without bound."""
    holds_one = [False]
    is_after_one = False
    at = 0
    while at < len(text):
        opening, whole_class = _OPENING.match(text, at), _CLASS.match(text, at)
        repetition = _UNBOUNDED.match(text, at)
        follows, is_after_one = is_after_one, False
        if opening is not None:
            holds_one.append(False)
            at = opening.end()
        elif text[at] == ")" and len(holds_one) > 1:
            is_after_one = holds_one.pop()
            holds_one[-1] = holds_one[-1] or is_after_one
            at += 1
        elif repetition is not None:
            if follows:
                return True
            holds_one[-1] = True
            at = repetition.end()
        elif whole_class is not None:
            at = whole_class.end()
        else:
            at += 2 if text[at] == "\\" else 1
    return False

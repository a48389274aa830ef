"""Regular expressions that somebody else writes.

They are searched for by RE2, which needs no more than so many steps for each character of a line,
whatever the expression. That of Python may take longer than the world has been there, for
`(a|aa)+$` on a line that almost fits, and nothing can interrupt it.
"""

import importlib
from typing import Any

from synapse_core.errors import InvalidInputError

__all__ = ["SearchPattern"]

_MAX_MEMORY_BYTES = 1 << 19
"""What an expression may become; those that repeat repetitions a thousandfold become more."""


class SearchPattern:
    """A regular expression in the syntax of RE2, ignoring case.

    Args:
        text: The expression.

    Raises:
        InvalidInputError: It is none, or one that RE2 does not know: nothing may look around or
            back.
    """

    def __init__(self, text: str) -> None:
        # Few calls search, and the first call of any shall not wait for it. It tells no types.
        engine: Any = importlib.import_module("re2")
        options = engine.Options()
        options.case_sensitive = False
        options.log_errors = False  # to stderr, at once and in words of its own
        options.max_mem = _MAX_MEMORY_BYTES
        try:
            self._compiled: Any = engine.compile(text.encode(), options)
        except (engine.error, UnicodeEncodeError) as error:
            raise InvalidInputError(
                f"{text!r} is no regular expression that can be searched for: {_reason(error)}.",
                hint="Escape special characters with a backslash, leave out lookarounds and "
                "backreferences, or search for plain words.",
                grep=text,
            ) from error

    def is_in(self, line: str) -> bool:
        """Whether it is found somewhere in the line."""
        return self._compiled.search(line.encode("utf-8", "replace")) is not None


def _reason(error: Exception) -> str:
    said: object = error.args[0] if error.args else error
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(error)

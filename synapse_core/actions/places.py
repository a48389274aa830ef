"""Finds the line of a plugin's own code that an exception comes from."""

import linecache
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import cast

from synapse_core.model.run import Frame

__all__ = ["find_frame", "related"]

_NOT_ITS_OWN = frozenset({"site-packages", "dist-packages"})
_MAX_RELATED = 100


def find_frame(error: BaseException, folder: Path) -> Frame | None:
    """Return the last place in a plugin's own code, of the exception or of what led to it."""
    linecache.checkcache()
    for one in related(error):
        frame = _syntax_error_place(one, folder) or _last_frame(one.__traceback__, folder)
        if frame is not None:
            return frame
    return None


def related(error: BaseException) -> Iterator[BaseException]:
    """Yield the exception, those inside it, and those that led to it, nearest first."""
    seen: set[int] = set()
    waiting = [error]
    while waiting and len(seen) < _MAX_RELATED:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        if isinstance(one, BaseExceptionGroup):
            waiting += cast("BaseExceptionGroup[BaseException]", one).exceptions
        if one.__cause__ is not None:
            waiting.append(one.__cause__)
        elif one.__context__ is not None and not one.__suppress_context__:
            waiting.append(one.__context__)


def _last_frame(traceback: TracebackType | None, folder: Path) -> Frame | None:
    found: tuple[str, int, str] | None = None
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if _is_own(code.co_filename, folder):
            found = code.co_filename, traceback.tb_lineno, code.co_name
        traceback = traceback.tb_next
    if found is None:
        return None
    file, line, function = found
    return Frame(file, line, function, linecache.getline(file, line).strip())


def _syntax_error_place(error: BaseException, folder: Path) -> Frame | None:
    if not isinstance(error, SyntaxError) or not error.filename or not error.lineno:
        return None
    if not _is_own(error.filename, folder):
        return None
    return Frame(error.filename, error.lineno, "<module>", (error.text or "").strip())


def _is_own(file: str, folder: Path) -> bool:
    path = Path(file)
    return path.is_relative_to(folder) and _NOT_ITS_OWN.isdisjoint(path.relative_to(folder).parts)

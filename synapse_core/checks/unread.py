"""Looks at files that are no Python, or that Python will refuse later."""

from collections.abc import Collection, Iterator, Sequence

from synapse_core.discovery.sources import Source, UnreadSource
from synapse_core.model.plugin import Diagnostic, Severity

__all__ = ["check_lazy", "check_unread"]


def check_unread(
    unread: Sequence[UnreadSource], reachable: Collection[str]
) -> Iterator[Diagnostic]:
    """Yield files that could not be read; it is fatal only for those that an action imports."""
    for one in unread:
        is_fatal = one.module in reachable and not one.is_too_large
        yield _unreadable(one, Severity.ERROR if is_fatal else Severity.WARNING)


def check_lazy(sources: Sequence[Source], at_once: Collection[str]) -> Iterator[Diagnostic]:
    """Yield modules that cannot be compiled, where importing the actions does not tell it.

    Args:
        sources: What is imported when an action runs.
        at_once: Names of the modules that are imported with it.
    """
    for source in sources:
        if source.module in at_once:
            continue
        try:
            compile(source.content, source.path, "exec", dont_inherit=True)
        except SyntaxError as error:
            line, column = error.lineno or 0, error.offset or 0
            reason = UnreadSource(
                source.path, source.module, error.msg, line, column, is_syntax=True
            )
            yield _unreadable(reason, Severity.ERROR)
        except (ValueError, RecursionError, MemoryError) as error:
            yield _unreadable(UnreadSource(source.path, source.module, str(error)), Severity.ERROR)


def _unreadable(one: UnreadSource, severity: Severity) -> Diagnostic:
    if one.is_syntax:
        return Diagnostic(
            code="syntax-error",
            message=f"{one.reason}.",
            severity=severity,
            file=one.path,
            line=one.line,
            column=one.column,
            fix="Correct the syntax there; the mistake may lie on the line before.",
        )
    fix = "Save it as UTF-8 text without null bytes, or remove it."
    return Diagnostic(
        code="unreadable-source",
        message=f"The file cannot be read as Python: {one.reason}.",
        severity=severity,
        file=one.path,
        line=one.line,
        fix="Move its data into a file that is no module." if one.is_too_large else fix,
    )

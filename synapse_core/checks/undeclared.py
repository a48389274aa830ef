"""Looks for actions in the source that `config.yaml` does not name."""

from collections.abc import Collection, Iterator, Sequence

from synapse_core.checks.subject import ActionCode, Subject
from synapse_core.discovery.from_ast import find_in_sources
from synapse_core.discovery.sources import Source
from synapse_core.model.plugin import Diagnostic, Severity

__all__ = ["check_undeclared"]


def check_undeclared(
    subject: Subject,
    sources: Sequence[Source],
    codes: Sequence[ActionCode],
    missing: Collection[str],
) -> Iterator[Diagnostic]:
    """Yield actions that stand in the source only.

    Args:
        subject: The plugin.
        sources: Its modules.
        codes: The code that the entrypoints lead to.
        missing: Names of actions whose entrypoint leads nowhere: they are told already, and what
            was meant may be among what is found here.
    """
    declared = {(code.source.path, code.node.lineno) for code in codes if code.action.is_declared}
    taken = {action.spec.name for action in subject.actions if action.is_declared}
    for spec in find_in_sources(sources):
        if (spec.file, spec.line) in declared or spec.name in missing:
            continue
        yield Diagnostic(
            code="undeclared-action",
            message=f"config.yaml does not declare the action at {spec.entrypoint}.",
            severity=Severity.INFO,
            file=spec.file,
            line=spec.line,
            column=1,
            fix=f"Give `{spec.name}` this entrypoint, if that is meant; or remove the action."
            if spec.name in taken
            else f"Declare it below `actions`: `{spec.name}: {{entrypoint: {spec.entrypoint}}}`.",
        )

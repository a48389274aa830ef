"""Asks for a yes before something is lost for good."""

import sys

import typer

from synapse_core.errors import ConfirmationRequiredError

__all__ = ["require_yes"]


def require_yes(question: str, *, yes: bool) -> None:
    """Return when a person says yes, or has said so with `--yes`.

    Raises:
        ConfirmationRequiredError: The answer is no, or nobody is there to answer.
    """
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise ConfirmationRequiredError(
            f"{question} Nobody is at this terminal to say yes.", hint="Add --yes if that is meant."
        )
    if not typer.confirm(question, err=True):
        raise ConfirmationRequiredError("Nothing was done.", hint="")

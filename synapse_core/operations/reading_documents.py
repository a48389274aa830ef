"""How it is told that a service describes what it can start in words that are not known here."""

from collections.abc import Generator
from contextlib import contextmanager

from synapse_core.errors import InvalidInputError

__all__ = ["reading"]


@contextmanager
def reading(what: str) -> Generator[None]:
    """Take whatever is wrong with a document for the work of another version.

    Args:
        what: What it describes, with its article.

    Raises:
        InvalidInputError: The block could not read it.
    """
    try:
        yield
    except InvalidInputError:  # a part of it, which was told already
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InvalidInputError(
            f"The service describes {what} in a form that this version does not know: {error!r}.",
            hint="Use the same version of Synapse on both sides.",
        ) from error

"""What the server says to the person who started it, on stderr."""

import logging
import os
import sys

from synapse_core.logs.redact import Redactor

__all__ = ["DiscreetFormatter", "log_to_stderr"]


class DiscreetFormatter(logging.Formatter):
    """Writes a record, with its traceback, without secrets.

    Clients show what a server says on stderr, and some keep it.

    Args:
        redactor: Takes them out.
    """

    def __init__(self, redactor: Redactor) -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s")
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of the record."""
        return self._redactor.text(super().format(record))


def log_to_stderr() -> None:
    """Send warnings and worse to stderr, the only place left for them."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(DiscreetFormatter(Redactor.for_environment(os.environ)))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)

"""Keeps what is said while an event is being recorded from coming back into the same call."""

import threading

__all__ = ["recording"]


class _Recording(threading.local):
    """What this thread is doing.

    A sink may print, and a signal handler may print while a line is being recorded.

    Attributes:
        is_active: Whether a line that this thread printed or logged is being recorded right now.
    """

    is_active = False


recording = _Recording()
"""Shared by all that records lines of `sys.stdout`, `sys.stderr`, `logging` and `warnings`."""

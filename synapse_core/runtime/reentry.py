"""What of all that is said in a process is not to be recorded as said by the run.

What is said while an event is being recorded would come back into the same call; and what a thread
says that looks after the run is nobody's business who reads the run's log.
"""

import threading

__all__ = ["recording"]


class _Recording(threading.local):
    """What this thread is doing.

    A sink may print, and a signal handler may print while a line is being recorded.

    Attributes:
        is_active: Whether a line that this thread printed or logged is being recorded right now.
        is_aside: Whether this thread is none of the action's, so that nothing it logs is recorded.
    """

    is_active = False
    is_aside = False


recording = _Recording()
"""Shared by all that records lines of `sys.stdout`, `sys.stderr`, `logging` and `warnings`."""

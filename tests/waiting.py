"""Waiting for what another process or thread does."""

import threading
import time
from collections.abc import Callable

PATIENCE_S = 50.0


def wait_until(is_so: Callable[[], bool], timeout_s: float = PATIENCE_S) -> None:
    """Look until it is so."""
    until, never = time.monotonic() + timeout_s, threading.Event()
    while not is_so():
        assert time.monotonic() < until, "it did not happen in time"
        never.wait(0.02)

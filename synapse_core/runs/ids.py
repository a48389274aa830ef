"""Run ids: unique, sortable by the time of creation, and harmless in paths, URLs and shells."""

import os
import re
from datetime import UTC, datetime

__all__ = ["is_run_id", "new_run_id"]

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Base 32 without i, l, o and u, which are read as other characters. Source: Crockford."""

_FORM = re.compile(rf"[0-9]{{8}}-[0-9]{{6}}-[{_ALPHABET}]{{8}}")

_TIME_BITS = 15
"""Three characters tell the time within the second, in steps of 31 µs: ids made one after the
other sort that way."""

_RANDOM_BITS = 25
"""Five characters tell apart what is made in the same step, by any number of processes."""


def new_run_id(time: float) -> str:
    """Return a new id for a run created at Unix time `time`: `YYYYMMDD-HHMMSS-xxxxxxxx` in UTC."""
    within_second = int((time % 1) * (1 << _TIME_BITS))
    # The kernel's randomness, because a generator's state would be shared by forked processes.
    chance = int.from_bytes(os.urandom(4)) >> (32 - _RANDOM_BITS)
    number = within_second << _RANDOM_BITS | chance
    tail = "".join(_ALPHABET[number >> shift & 31] for shift in range(35, -1, -5))
    return f"{datetime.fromtimestamp(int(time // 1), UTC):%Y%m%d-%H%M%S}-{tail}"


def is_run_id(text: str) -> bool:
    """Whether `text` has the form of a run id; such text is safe as the name of a folder."""
    return _FORM.fullmatch(text) is not None

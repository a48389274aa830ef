"""Tells objects that their process is a fork."""

import os
from typing import Protocol
from weakref import WeakSet

__all__ = ["ForkAware", "tell_of_forks"]


class ForkAware(Protocol):
    """What must change when only the forking thread goes on.

    A lock may be held by a thread that the fork does not have; what was half written is the
    parent's to finish.
    """

    def after_fork(self) -> None:
        """Set right what the fork has inherited; called in the forked process."""
        ...


_aware: WeakSet[ForkAware] = WeakSet()


def tell_of_forks(owner: ForkAware) -> None:
    """Call `owner.after_fork` in each process that is forked from now on, while `owner` lives."""
    _aware.add(owner)


def _tell() -> None:
    for owner in list(_aware):
        owner.after_fork()


if hasattr(os, "register_at_fork"):  # Windows has no forks
    os.register_at_fork(after_in_child=_tell)

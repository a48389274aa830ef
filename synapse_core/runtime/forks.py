"""Keeps locks usable in forked processes."""

import os
from typing import Protocol
from weakref import WeakSet

__all__ = ["LockOwner", "renew_lock_in_forks"]


class LockOwner(Protocol):
    """What holds a lock that a fork may find taken, by a thread that the fork does not have."""

    def renew_lock(self) -> None:
        """Replace the lock by a free one."""
        ...


_owners: WeakSet[LockOwner] = WeakSet()


def renew_lock_in_forks(owner: LockOwner) -> None:
    """Let `owner` renew its lock in each process that is forked from now on, while it lives."""
    _owners.add(owner)


def _renew() -> None:
    for owner in list(_owners):
        owner.renew_lock()


if hasattr(os, "register_at_fork"):  # Windows has no forks
    os.register_at_fork(after_in_child=_renew)

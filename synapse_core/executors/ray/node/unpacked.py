"""Plugins that were sent to this machine, unpacked once for each version."""

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import BinaryIO

from synapse_core.config.atomic import lock_file
from synapse_core.errors import InvalidInputError, StorageError
from synapse_core.plugins.archive import unpack

__all__ = ["UnpackedPlugins"]

_UNUSED_AFTER_S = 7 * 24 * 3600.0
"""A version that no run of this machine has used for a week is sent again when one does."""

_LEFTOVER_AFTER_S = 3600.0
"""A draft that is older was left by a process that was killed."""

_UNPACKING_S = 600.0
"""How long somebody else may take to receive and unpack the same version."""


class UnpackedPlugins:
    """Keeps the plugins below a folder.

    Args:
        cache_dir: The cache of this machine's home.
    """

    def __init__(self, cache_dir: Path) -> None:
        self._folder = cache_dir / "sent"

    @contextmanager
    def hold(self, digest: str, name: str, fetch: Callable[[], BinaryIO]) -> Generator[Path]:
        """Give the folder of a plugin, and keep it from being removed meanwhile.

        Args:
            digest: Digest of its archive.
            name: Name of its folder.
            fetch: Returns the archive; called when this machine does not have it yet.

        Raises:
            InvalidInputError: What was fetched is not that archive.
            StorageError: It cannot be written.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        place = self._folder / digest
        with _held(self._use_file(digest), fcntl.LOCK_SH) as is_held:
            if not is_held:
                raise StorageError(f"{place} cannot be held.", hint="Try again.")
            if not place.exists():
                with lock_file(place, timeout_s=_UNPACKING_S):
                    if not place.exists():
                        self._unpack(place, digest, fetch)
                self.prune()
            os.utime(place)
            yield place / name

    def prune(self, *, unused_for_s: float = _UNUSED_AFTER_S) -> list[str]:
        """Remove what nobody has used for so long and no run holds; return the digests."""
        removed: list[str] = []
        now = time.time()
        for place in [entry for entry in self._folder.iterdir() if entry.is_dir()]:
            is_draft = place.name.startswith(".")
            age_s = now - place.stat().st_mtime
            if age_s < (_LEFTOVER_AFTER_S if is_draft else unused_for_s):
                continue
            with _held(self._use_file(place.name), fcntl.LOCK_EX | fcntl.LOCK_NB) as is_ours:
                if not is_ours:
                    continue
                # Under its name it must be whole or not there.
                away = place.with_name(f".gone-{place.name.lstrip('.')}")
                place.rename(away)
            shutil.rmtree(away, ignore_errors=True)
            if not is_draft:
                removed.append(place.name)
        return removed

    def _use_file(self, digest: str) -> Path:
        return self._folder / f"{digest}.use"

    def _unpack(self, place: Path, digest: str, fetch: Callable[[], BinaryIO]) -> None:
        draft = Path(mkdtemp(prefix=".draft-", dir=self._folder))
        try:
            with fetch() as archive:
                found = unpack(archive, draft)
            if found.digest != digest:
                raise InvalidInputError(
                    f"The plugin that was sent has the digest {found.digest[:12]}…, not "
                    f"{digest[:12]}….",
                    hint="It was damaged on the way: start the run again.",
                )
            draft.rename(place)
        finally:
            shutil.rmtree(draft, ignore_errors=True)


@contextmanager
def _held(file: Path, kind: int) -> Generator[bool]:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, kind)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)

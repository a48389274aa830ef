"""Plugins packed for clusters that do not see the disk they lie on."""

import contextlib
import json
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from synapse_core.config.atomic import write_atomically
from synapse_core.errors import StorageError
from synapse_core.plugins.archive import pack, stamp_sent_files

__all__ = ["PackedPlugin", "PackedPlugins"]

_UNUSED_AFTER_S = 7 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class PackedPlugin:
    """A plugin as it is sent.

    Attributes:
        digest: Digest of its content.
        name: Name of its folder.
        path: The archive.
    """

    digest: str
    name: str
    path: Path


class PackedPlugins:
    """Packs each version of a plugin once, and keeps the archives for a while.

    Args:
        cache_dir: The cache of the home.
    """

    def __init__(self, cache_dir: Path) -> None:
        self._folder = cache_dir / "archives"
        self._lock = threading.Lock()

    def packed(self, plugin: Path) -> PackedPlugin:
        """Return the plugin as it is now, packed.

        Raises:
            TooLargeError: It is more than can be sent; names the largest files.
            InvalidInputError: A rule of what to leave out cannot be understood.
            StorageError: A file cannot be read, or the cache not be written.
        """
        note = self._folder / f"{stamp_sent_files(plugin)}.json"
        with self._lock:
            known = self._recall(note) or self._pack(plugin, note)
        with contextlib.suppress(OSError):  # a cache that cannot be written serves all the same
            os.utime(known.path)
            os.utime(note)
        return known

    def _recall(self, note: Path) -> PackedPlugin | None:
        """Return the archive of an earlier call, of another process maybe."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            told = json.loads(note.read_bytes())
            path = self._folder / f"{told['digest']}.zip"
            if path.exists():
                return PackedPlugin(told["digest"], told["name"], path)
        return None

    def _pack(self, plugin: Path, note: Path) -> PackedPlugin:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with NamedTemporaryFile(dir=self._folder, prefix=".draft-", delete=False) as draft:
                try:
                    archive = pack(plugin, draft)
                    draft.close()
                    path = self._folder / f"{archive.digest}.zip"
                    Path(draft.name).replace(path)
                finally:
                    Path(draft.name).unlink(missing_ok=True)
            told = {"digest": archive.digest, "name": archive.name}
            write_atomically(note, json.dumps(told).encode(), mode=0o600)
            self._prune()
        except OSError as error:
            if isinstance(error, StorageError):
                raise
            raise StorageError(
                f"Cannot pack {plugin} into {self._folder}: {error.strerror}.",
                hint="Free disk space, or check the permissions.",
                path=str(plugin),
            ) from error
        return PackedPlugin(archive.digest, archive.name, path)

    def _prune(self) -> None:
        """Remove what has not been used for long, and drafts of processes that were killed."""
        for file in self._folder.iterdir():
            with contextlib.suppress(FileNotFoundError):  # somebody else has just removed it
                if time.time() - file.stat().st_mtime > _UNUSED_AFTER_S:
                    file.unlink()

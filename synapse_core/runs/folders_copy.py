"""The copy of the folders of one pipeline, on a machine that does not see them."""

import contextlib
import json
import logging
import shutil
from pathlib import Path

from synapse_core.config.atomic import write_atomically
from synapse_core.config.home import Home
from synapse_core.errors import PathRefusedError, StorageError
from synapse_core.runs.folders_note import away_folders_base
from synapse_core.runs.shared_files import SharedFile, list_shared_files

__all__ = ["FoldersCopy"]

_log = logging.getLogger(__name__)


class FoldersCopy:
    """The copy of one pipeline's folders, and as what each file was last known at both ends.

    Args:
        home: The home of this machine.
        owner: Id of the pipeline run whose folders they are.

    Attributes:
        root: Where the copy lies; made if need be.
    """

    def __init__(self, home: Home, owner: str) -> None:
        self.root = away_folders_base(home) / owner
        self._file = self.root.with_name(f"{owner}.json")
        self._known: dict[str, list[int]] = {}
        with contextlib.suppress(OSError, ValueError):
            self._known = json.loads(self._file.read_bytes())
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)

    def place_of(self, file: SharedFile) -> Path:
        """Return where the file lies here.

        Raises:
            PathRefusedError: Its path leads out of the copy.
        """
        place = self.root / file.path
        if not place.parent.resolve().is_relative_to(self.root.resolve()):
            raise PathRefusedError(
                f"The path {file.path!r} leads out of the folders of the pipeline.",
                hint="Replace the link in the folders that leads there by what it leads to.",
            )
        return place

    def lacks(self, file: SharedFile) -> bool:
        """Whether what is at home must come here: it is new there, and not changed here."""
        at_home = [file.size_bytes, file.mtime_ns]
        try:
            here = _times(self.root / file.path)
        except OSError:
            return True
        known = self._known.get(file.path)
        if known is None:
            # It was fetched by a process that died over it, or a node here has just written it.
            if here == at_home:
                self.note(file)
            return False
        return here == known[2:] and at_home != known[:2]

    def changed(self) -> list[SharedFile]:
        """Return what is not as it was last known to be."""
        return [
            file
            for file in list_shared_files(self.root)
            if self._known.get(file.path, [])[2:] != [file.size_bytes, file.mtime_ns]
        ]

    def note(self, file: SharedFile) -> None:
        """Note that the file is at home as it is told here, and here as it lies here now."""
        with contextlib.suppress(OSError):
            at_home = [file.size_bytes, file.mtime_ns]
            self._known[file.path] = [*at_home, *_times(self.root / file.path)]

    def keep_notes(self) -> None:
        """Write down what was noted; without room for that, more is sent than need be."""
        try:
            write_atomically(self._file, json.dumps(self._known).encode(), mode=0o600)
        except StorageError as error:
            _log.warning("What is known of %s is not kept: %s", self.root, error)

    def remove(self) -> None:
        """Remove the copy."""
        shutil.rmtree(self.root, ignore_errors=True)
        self._file.unlink(missing_ok=True)


def _times(path: Path) -> list[int]:
    facts = path.stat()
    return [facts.st_size, facts.st_mtime_ns]

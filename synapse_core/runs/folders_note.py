"""Word of the folders that a node shares, on a machine that has a copy of them.

Workers read it, which is why nothing here speaks HTTP.
"""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from synapse_core.config.atomic import write_atomically
from synapse_core.config.home import Home

__all__ = [
    "FoldersNote",
    "away_folders_base",
    "find_folders_note",
    "folders_in_use",
    "leave_folders_note",
]

_NOTE = "folders.json"


@dataclass(frozen=True, slots=True)
class FoldersNote:
    """What is left in the folder of a run about the folders that it shares.

    Attributes:
        owner: Id of the pipeline run whose folders they are.
        problem: Why they could not be brought here; empty for nothing.
    """

    owner: str
    problem: str = ""


def away_folders_base(home: Home) -> Path:
    """Return where the copies lie, each in a folder named after its owner."""
    return home.root / "pipelines"


def find_folders_note(home: Home, run_id: str) -> FoldersNote | None:
    """Return what is known of the folders that the run shares; None for a run of its own."""
    # Half written by a process that died over it: the run had not begun.
    with contextlib.suppress(OSError, ValueError, TypeError):
        return FoldersNote(**json.loads(_note(home, run_id).read_bytes()))
    return None


def folders_in_use(home: Home) -> Iterator[str]:
    """Yield whose folders the runs of this machine share; some more than once."""
    for path in home.runs_dir.glob(f"*/*/{_NOTE}"):
        note = find_folders_note(home, path.parent.name)
        if note is not None:
            yield note.owner


def leave_folders_note(home: Home, run_id: str, note: FoldersNote) -> None:
    """Leave word in the folder of the run.

    Raises:
        StorageError: It cannot be written.
    """
    path = _note(home, run_id)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomically(path, json.dumps(asdict(note)).encode(), mode=0o600)


def _note(home: Home, run_id: str) -> Path:
    return home.run_dir(run_id) / _NOTE

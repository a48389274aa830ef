"""Word of events that a process recorded on this disk for a service, until all have arrived."""

import contextlib
import json
import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from synapse_core.config.home import Home
from synapse_core.errors import SynapseError
from synapse_core.model.run import WorkerId
from synapse_core.runs.processes import is_alive, this_worker

__all__ = ["Leftover", "find_leftovers", "find_note", "leave_note", "remove_note", "set_aside"]

_NOTE, _REFUSED_NOTE = "shipping.json", "shipping.refused.json"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Leftover:
    """Events that a process recorded and, as far as is known, did not send to their end.

    Attributes:
        run_id: The run.
        owner: The worker that owned it.
        url: Address of the service.
        worker: The process that was sending.
    """

    run_id: str
    owner: str
    url: str
    worker: str


def leave_note(home: Home, leftover: Leftover) -> None:
    """Leave word in the folder of the run, before its first event is recorded."""
    folder = home.run_dir(leftover.run_id)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / _NOTE).write_text(json.dumps(asdict(leftover)), encoding="utf-8")


def find_note(home: Home, run_id: str) -> Leftover | None:
    """Return the word that was left of the run; None when all has arrived."""
    return _read(home.run_dir(run_id) / _NOTE)


def remove_note(home: Home, run_id: str) -> None:
    """Take back the word: all has arrived."""
    (home.run_dir(run_id) / _NOTE).unlink(missing_ok=True)


def find_leftovers(home: Home) -> Iterator[Leftover]:
    """Yield what processes of this machine left that are gone."""
    for note in sorted(home.runs_dir.glob(f"*/*/{_NOTE}")):
        left = _read(note)
        if left is None or str(this_worker()) == left.worker:
            continue
        with contextlib.suppress(ValueError):  # it names no worker of ours
            if is_alive(WorkerId.parse(left.worker)) is not True:
                yield left


def set_aside(home: Home, run_id: str, reason: SynapseError) -> None:
    """Keep what the service refuses on this disk, and out of the way of those who send."""
    note = home.run_dir(run_id) / _NOTE
    told = json.loads(note.read_text(encoding="utf-8"))
    note.with_name(_REFUSED_NOTE).write_text(
        json.dumps({**told, "code": reason.code, "reason": reason.message}), encoding="utf-8"
    )
    note.unlink(missing_ok=True)
    _log.warning("Events of %s stay here: %s", run_id, reason)


def _read(note: Path) -> Leftover | None:
    # Half written by a process that died over it, or just removed: nothing was recorded yet.
    with contextlib.suppress(OSError, ValueError, TypeError):
        return Leftover(**json.loads(note.read_text(encoding="utf-8")))
    return None

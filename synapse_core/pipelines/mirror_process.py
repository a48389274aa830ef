"""The process that shows a pipeline run at a service: started for it, and again when it was lost.

    python -m synapse_core.pipelines.mirror_process HOME RUN

It outlives whoever started it. A note in the folder of the run says that it is to be shown, and
where; the process holds a lock on the note, and removes it when the service has all, or takes
nothing. It stays where the process was lost, or the service away for too long: whoever looks at the
run next starts another.
"""

import fcntl
import json
import logging
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from synapse_core.config.atomic import write_atomically
from synapse_core.config.home import Home
from synapse_core.errors import RateLimitedError, StorageError, SynapseError

__all__ = ["Showcase", "is_shown", "keep_showing", "show_at"]

_NOTE, _LOG = "mirror.json", "mirror.log"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Showcase:
    """A service that shows runs.

    Attributes:
        url: Its address.
        token: Secret of scope `run`; empty for none.
    """

    url: str
    token: str = ""


def show_at(home: Home, run_id: str, showcase: Showcase | None) -> None:
    """Note where a run is to be shown, before it begins; None takes that back.

    Raises:
        OSError: The note cannot be written.
    """
    note = home.run_dir(run_id) / _NOTE
    if showcase is None:
        note.unlink(missing_ok=True)
        return
    note.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomically(note, json.dumps(asdict(showcase)).encode(), mode=0o600)


def is_shown(home: Home, run_id: str) -> bool:
    """Tell whether a run is still to be shown at a service."""
    return (home.run_dir(run_id) / _NOTE).exists()


def keep_showing(home: Home, run_id: str) -> None:
    """Start the process if the run is to be shown, and nobody does so."""
    note = home.run_dir(run_id) / _NOTE
    try:
        with note.open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # nothing is to be shown, or somebody shows it
        return
    with (note.parent / _LOG).open("ab") as log:
        words = [sys.executable, "-P", "-m", __name__, str(home.root), run_id]
        subprocess.run(  # noqa: S603 - our own module, our own interpreter
            words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False
        )


def _main(home: Home, run_id: str) -> None:
    note = home.run_dir(run_id) / _NOTE
    try:
        held = note.open("rb")
    except FileNotFoundError:  # another one has just shown it to its end
        return
    with held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        try:
            _follow(home, run_id, Showcase(**json.load(held)))
        except (StorageError, RateLimitedError):
            raise
        except SynapseError as error:  # what the note says will do no better the next time
            _log.warning("%s is shown no longer: %s", run_id, error)
        note.unlink(missing_ok=True)


def _follow(home: Home, run_id: str, showcase: Showcase) -> None:
    # Whoever started this waits until it has gone its own way: what takes long to import waits.
    from synapse_core.pipelines.mirror import Mirror  # noqa: PLC0415 - see above
    from synapse_core.runs.away import away_session  # noqa: PLC0415 - see above
    from synapse_core.runs.store.opening import open_run_store  # noqa: PLC0415 - see above

    store = open_run_store(home)
    try:
        with away_session(showcase.url, showcase.token) as session:
            Mirror(home, store, session, run_id).follow()
    finally:
        store.close()


if __name__ == "__main__":
    if os.fork():
        os._exit(0)  # nobody has to wait for the child
    os.setsid()
    _main(Home(Path(sys.argv[1])), sys.argv[2])

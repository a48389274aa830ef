"""The folders that nodes of a pipeline share, on a machine that does not see them.

A copy lies there for all nodes of the pipeline, under one path on every such machine. What is new
at home is fetched before a node begins, and what changed here is sent before the node has ended; so
a node finds what those it comes after have left, wherever they were. What is removed here stays at
home. Of two nodes that write one file at the same time, the one that ends last wins.
"""

import contextlib
import hashlib
import logging
from collections.abc import Callable, Generator
from typing import cast

from synapse_core.clients.call import Call, run_path
from synapse_core.clients.sync_session import Session
from synapse_core.config.atomic import lock_file
from synapse_core.config.home import Home
from synapse_core.errors import (
    LeaseLostError,
    RateLimitedError,
    RunNotFoundError,
    StorageError,
    StoreUnavailableError,
    SynapseError,
)
from synapse_core.runs.folders_copy import FoldersCopy
from synapse_core.runs.folders_note import (
    FoldersNote,
    away_folders_base,
    find_folders_note,
    folders_in_use,
    leave_folders_note,
)
from synapse_core.runs.ids import is_run_id
from synapse_core.runs.sent_files import send_file
from synapse_core.runs.shared_files import SharedFile, mark_as
from synapse_core.runs.whole_file import written_whole
from synapse_core.types import JSONObject

__all__ = ["AwayFolders"]

_LOCK_PATIENCE_S = 3600.0
"""Somebody else may be fetching or sending a lot."""

_log = logging.getLogger(__name__)


class AwayFolders:
    """Keeps the copies of this machine and the folders at home alike.

    Args:
        session: The connection to the service that has the runs.
        home: The home of this machine.
    """

    def __init__(self, session: Session, home: Home) -> None:
        self._session = session
        self._home = home

    def fetch(self, run_id: str, beat: Callable[[], object]) -> None:
        """Bring here what is new at home. What this machine has no room for, the node is told.

        Args:
            run_id: A node.
            beat: Called now and then meanwhile.

        Raises:
            StoreUnavailableError: The service is away; the next call goes on.
            SynapseError: The service refuses it.
        """
        told = self._session.call(Call(method="GET", path=run_path(run_id, "shared-files")))
        owner = str(told["owner"])
        if not is_run_id(owner):
            raise RunNotFoundError(owner)  # it would become a part of a path
        files = [SharedFile(**one) for one in cast("list[dict[str, object]]", told["files"])]  # pyright: ignore[reportArgumentType] - fields by name
        leave_folders_note(self._home, run_id, FoldersNote(owner))
        try:
            with self._alone(beat):
                copy = FoldersCopy(self._home, owner)
                try:
                    for file in files:
                        if copy.lacks(file) and self._is_fetched(run_id, copy, file, beat):
                            copy.note(file)
                finally:
                    copy.keep_notes()
        except StoreUnavailableError:
            raise
        except OSError as error:
            leave_folders_note(self._home, run_id, FoldersNote(owner, str(error)))

    def send(self, run_id: str, worker: str, beat: Callable[[], object]) -> None:
        """Bring home what changed here; does nothing for a run of its own.

        Args:
            run_id: A node.
            worker: Its worker.
            beat: Called now and then meanwhile.

        Raises:
            StoreUnavailableError: The service is away; the next call goes on.
            LeaseLostError: The run is not the worker's any more.
        """
        note = find_folders_note(self._home, run_id)
        if note is None or note.problem:
            return
        with self._alone(beat):
            copy = FoldersCopy(self._home, note.owner)
            try:
                for file in copy.changed():
                    if self._is_sent(run_id, worker, copy, file, beat):
                        copy.note(file)
            finally:
                copy.keep_notes()

    def remove_unused(self) -> None:
        """Remove copies of pipelines that have ended and that no run of this machine shares."""
        base = away_folders_base(self._home)
        for copy in sorted(base.iterdir()) if base.is_dir() else ():
            if not is_run_id(copy.name) or self._goes_on(copy.name):
                continue
            with contextlib.suppress(StorageError), lock_file(base / "all", timeout_s=0.0):
                if copy.name not in set(folders_in_use(self._home)):
                    FoldersCopy(self._home, copy.name).remove()

    def _goes_on(self, owner: str) -> bool:
        try:
            answer = self._session.call(Call(method="GET", path=run_path(owner)))
        except RunNotFoundError:
            return False
        except SynapseError:
            return True
        return cast("JSONObject", answer["run"]).get("finished_at") is None

    @contextlib.contextmanager
    def _alone(self, beat: Callable[[], object]) -> Generator[None]:
        """Keep other processes of this machine from fetching and sending."""
        base = away_folders_base(self._home)
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
        with lock_file(base / "all", timeout_s=_LOCK_PATIENCE_S, meanwhile=beat):
            yield

    def _is_fetched(
        self, run_id: str, copy: FoldersCopy, file: SharedFile, beat: Callable[[], object]
    ) -> bool:
        call = Call(method="GET", path=_target(run_id, file))
        # Beside the copies: a process that dies over it leaves nothing that would be sent home.
        fetched = away_folders_base(self._home) / "fetched"
        try:
            place = copy.place_of(file)
            with written_whole(fetched) as draft:
                for piece in self._session.download(call):
                    draft.write(piece)
                    beat()
            mark_as(fetched, file)
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fetched.replace(place)
        except (StorageError, LeaseLostError, RateLimitedError):
            raise
        except SynapseError as error:
            # Another node has removed it meanwhile, or it has a name that no machine takes.
            _log.warning("The shared file %s is not brought here: %s", file.path, error)
            return False
        return True

    def _is_sent(
        self,
        run_id: str,
        worker: str,
        copy: FoldersCopy,
        file: SharedFile,
        beat: Callable[[], object],
    ) -> bool:
        path = copy.root / file.path
        told = {
            "owner": worker,
            "mtime_ns": str(file.mtime_ns),
            "is_executable": str(file.is_executable).lower(),
        }
        try:
            with path.open("rb") as content:
                sha256 = hashlib.file_digest(content, "sha256").hexdigest()
            send_file(
                self._session,
                _target(run_id, file),
                path,
                sha256=sha256,
                query=told,
                beat=beat,
            )
        except FileNotFoundError:
            return False  # removed by another node meanwhile
        except (StoreUnavailableError, LeaseLostError, RateLimitedError):
            raise
        except StorageError as error:
            # A node that needs the file must not begin without it.
            raise StoreUnavailableError(error.message, hint=error.hint) from error
        except (OSError, SynapseError) as error:
            # It has a name that no machine takes, or nobody may read it.
            _log.warning("The shared file %s stays here: %s", file.path, error)
            return False
        return True


def _target(run_id: str, file: SharedFile) -> str:
    return run_path(run_id, "shared-files", *file.path.split("/"))

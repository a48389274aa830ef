"""The runs that are nodes of a pipeline run, as whoever owns that run deals with them."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from synapse_core.config.home import Home
from synapse_core.errors import StorageError
from synapse_core.model.run import Run, RunFilter, RunKind, RunStatus
from synapse_core.ports import RunStore
from synapse_core.runs.processes import wake_worker
from synapse_core.types import JSONObject, JSONValue

__all__ = [
    "Bell",
    "list_nodes",
    "make_shared_folder",
    "node_results",
    "ring_bell",
    "shared_folder",
    "stop_nodes",
    "stop_run",
]

_PAGE = 500
_WITH_RESULT = frozenset({RunStatus.SUCCEEDED, RunStatus.SKIPPED})
_UNDOING = frozenset({"rolled_back", "rollback_failed"})
_GOING_ON = frozenset({RunStatus.PENDING, RunStatus.RUNNING})


def list_nodes(
    store: RunStore, run_id: str, statuses: frozenset[RunStatus] = frozenset()
) -> Iterator[Run]:
    """Yield the nodes of a pipeline run, newest first, without params, result and env."""
    where = RunFilter(parent_id=run_id, statuses=statuses)
    cursor = None
    while True:
        page = store.list(where, limit=_PAGE, cursor=cursor)
        yield from page.items
        cursor = page.next_cursor
        if cursor is None:
            return


def node_results(store: RunStore, run: Run) -> JSONObject:
    """Return what the nodes of a pipeline run returned that finished; none that was undone in part.

    Of one that was executed for a list, it is the list of what was returned, in order.

    Args:
        store: Where the runs are kept.
        run: The pipeline run, with the summary of its whole log.
    """
    steps = run.summary.steps
    finished = {name for name, word in steps.items() if word in _WITH_RESULT}
    # One of a list, or of a pipeline, is undone under its own name: `node[1]`, `node/inner`.
    finished -= {re.split(r"[\[/]", name)[0] for name, word in steps.items() if word in _UNDOING}
    results: JSONObject = {}
    lists: dict[str, dict[int, JSONValue]] = {}
    for node in list(list_nodes(store, run.id, _WITH_RESULT)):
        name, _, rest = node.node.partition("[")
        if name not in finished:
            continue
        result = store.get(node.id).result
        if rest:
            lists.setdefault(name, {})[int(rest.removesuffix("]"))] = result
        else:
            results[name] = result
    for name, one in lists.items():
        results[name] = [one[number] for number in sorted(one)]
    return results


def stop_nodes(store: RunStore, run: Run, *, force: bool = False) -> None:
    """Ask what still runs of a pipeline run to stop; does nothing for a run without nodes.

    Whoever ends a pipeline run calls it: its nodes have workers of their own, and go on without it.
    """
    if run.kind is not RunKind.PIPELINE:
        return
    for node in list(list_nodes(store, run.id, _GOING_ON)):
        stop_run(store, node.id, force=force)


def stop_run(store: RunStore, run_id: str, *, force: bool = False) -> None:
    """Ask a run to stop, and its worker to look at once."""
    stopped = store.request_cancel(run_id, force=force)
    if stopped.owner is not None:
        wake_worker(stopped.owner)


def shared_folder(home: Home, pipeline_run_id: str) -> tuple[Path, str]:
    """Return where the folders lie that the nodes of a pipeline run share, and whose they are.

    A run that goes on with another's work has a link to that one's.
    """
    place = (home.run_dir(pipeline_run_id) / "shared").resolve()
    return place, place.parent.name


def make_shared_folder(home: Home, run: Run) -> None:
    """Make the folder that the nodes of a pipeline run will share, or the link to an earlier one.

    A pipeline that is a node shares that of the pipeline it is in.

    Raises:
        OSError: It cannot be made.
    """
    place = home.run_dir(run.id) / "shared"
    if place.is_symlink():
        return
    if run.parent_id is not None:
        place.symlink_to(shared_folder(home, run.parent_id)[0])
        return
    if run.resume and run.rerun_of is not None:
        earlier, _ = shared_folder(home, run.rerun_of)
        if earlier.is_dir():
            place.symlink_to(earlier)
            return
    place.mkdir(mode=0o700, exist_ok=True)


def ring_bell(home: Home, run: Run) -> None:
    """Tell the owner of a pipeline run that a node of it has ended; does nothing for others."""
    if run.parent_id is None:
        return
    # Its owner looks now and then in any case: a full disk costs a second.
    with contextlib.suppress(OSError), _bell_file(home, run.parent_id).open("ab") as bell:
        bell.write(f"{run.id}\n".encode())


def _bell_file(home: Home, run_id: str) -> Path:
    return home.run_dir(run_id) / "ended"


class Bell:
    """What the owner of a pipeline run listens to.

    Args:
        home: Where the run lies.
        run_id: The pipeline run.

    Attributes:
        path: The file that is written to when a node ends.

    Raises:
        StorageError: The file cannot be made.
    """

    def __init__(self, home: Home, run_id: str) -> None:
        self.path = _bell_file(home, run_id)
        try:
            self.path.touch(mode=0o600)
            self._position = self.path.stat().st_size
        except OSError as error:
            raise StorageError(
                f"Cannot write {self.path}: {error.strerror}.",
                hint="Free disk space or check the permissions of the folder.",
                path=str(self.path),
            ) from error

    def ring(self) -> None:
        """Wake whoever waits, in this process or another."""
        with contextlib.suppress(OSError), self.path.open("ab") as bell:
            bell.write(b"\n")

    def heard(self) -> list[str]:
        """Return the ids of nodes that ended since the last call."""
        try:
            with self.path.open("rb") as bell:
                bell.seek(self._position)
                said = bell.read()
        except OSError:
            return []
        whole = said.rpartition(b"\n")[0]
        self._position += len(whole) + bool(whole)
        return [line for line in whole.decode("ascii", "replace").split("\n") if line]

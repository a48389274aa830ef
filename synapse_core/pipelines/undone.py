"""Which executions were undone, so that nobody takes their results for what is there."""

from collections.abc import Iterator

from synapse_core.config.home import Home
from synapse_core.errors import RunNotFoundError, StorageError
from synapse_core.model.run import Run, RunKind, RunStatus
from synapse_core.ports import RunStore
from synapse_core.runs.nodes import list_nodes

__all__ = ["Undone", "ancestry", "lineage"]

_MARK = "undone"


def lineage(store: RunStore, run: Run) -> Iterator[Run]:
    """Yield a run and, where it only took a result over, whose it was, to the one that made it."""
    following: Run | None = run
    while following is not None:
        yield following
        taken_from = following.rerun_of if following.status is RunStatus.SKIPPED else None
        following = _get(store, taken_from)


def ancestry(store: RunStore, run: Run) -> Iterator[Run]:
    """Yield a pipeline run and those that it went on with, or whose result it took over."""
    following: Run | None = run
    while following is not None:
        yield following
        goes_on = following.resume or following.status is RunStatus.SKIPPED
        following = _get(store, following.rerun_of if goes_on else None)


class Undone:
    """Marks executions as undone, in their folders: other runs may have taken their results over.

    Args:
        home: Where runs lie.
        store: Where they are kept.
    """

    def __init__(self, home: Home, store: RunStore) -> None:
        self._home = home
        self._store = store

    def mark(self, run: Run, by: str) -> None:
        """Remember that an execution is undone, and with it all whose result was taken over.

        Args:
            run: The execution.
            by: The pipeline run that undoes it.

        Raises:
            StorageError: It cannot be written down.
        """
        for one in lineage(self._store, run):
            folder = self._home.run_dir(one.id)
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                (folder / _MARK).write_text(by, encoding="ascii")
            except OSError as error:
                raise StorageError(
                    f"Cannot write to {folder}: {error.strerror}.",
                    hint="Free disk space or check the permissions.",
                    path=str(folder),
                ) from error

    def by(self, run: Run) -> str | None:
        """Return the pipeline run that undid an execution; None when it still holds."""
        for one in lineage(self._store, run):
            try:
                return (self._home.run_dir(one.id) / _MARK).read_text(encoding="ascii")
            except (OSError, UnicodeDecodeError):
                continue
        return None

    def is_within(self, run: Run) -> bool:
        """Tell whether anything was undone of what a pipeline run did."""
        *_, made = lineage(self._store, run)
        for node in list_nodes(self._store, made.id):
            if self.by(node) is not None:
                return True
            if node.kind is RunKind.PIPELINE and self.is_within(node):
                return True
        return False


def _get(store: RunStore, run_id: str | None) -> Run | None:
    if run_id is None:
        return None
    try:
        return store.get(run_id)
    except RunNotFoundError:  # cleared away since
        return None

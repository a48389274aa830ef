"""A run with the latest lines of its log, within the ceiling."""

from synapse_core.model.run import Run, RunFilter, RunKind, RunStatus
from synapse_core.operations.logs import LogQuery, read_log_of
from synapse_core.operations.runs import list_runs
from synapse_core.workspace import Workspace
from synapse_mcp.results.base import fit
from synapse_mcp.results.runs import RunView, build_run_view

__all__ = ["show_run"]

_SIZE = 6_000
_TAIL_LINES = 10
_MAX_LINES = 40


def show_run(workspace: Workspace, run: Run, *, cursor: str | None = None) -> RunView:
    """Return the run with its log lines after the cursor, or its last few lines.

    Raises:
        CursorError: The cursor is not one of this run's log.
    """
    failed = _failed_node(workspace, run)

    def build(size: int) -> RunView:
        query = LogQuery(
            cursor=cursor,
            tail=_TAIL_LINES if cursor is None else None,
            limit=_MAX_LINES,
            max_chars=max(1, size // 2),
        )
        return build_run_view(run, size, log=read_log_of(workspace, run, query), failed_node=failed)

    return fit(build, _SIZE)


def _failed_node(workspace: Workspace, run: Run) -> str | None:
    """Return the run of the node that a pipeline run failed over; its log tells why."""
    if run.kind is not RunKind.PIPELINE or run.status is not RunStatus.FAILED:
        return None
    where = RunFilter(parent_id=run.id, statuses=frozenset({RunStatus.FAILED}))
    failed = list_runs(workspace, where).items
    return min(failed, key=lambda one: one.finished_at or 0.0).id if failed else None

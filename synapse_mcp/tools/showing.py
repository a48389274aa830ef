"""A run with the latest lines of its log, within the ceiling."""

from synapse_core.model.run import Run
from synapse_core.operations.logs import LogQuery, read_log_of
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

    def build(size: int) -> RunView:
        query = LogQuery(
            cursor=cursor,
            tail=_TAIL_LINES if cursor is None else None,
            limit=_MAX_LINES,
            max_chars=max(1, size // 2),
        )
        return build_run_view(run, size, log=read_log_of(workspace, run, query))

    return fit(build, _SIZE)

"""How far a pipeline run has come, for displays and for the wire."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from synapse_core.model.run import RunStatus

__all__ = ["ActionProgress", "PipelineProgress", "utc_time"]


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class ActionProgress(_Told):
    """How one node stands.

    Attributes:
        name: Name of the node, unique in the pipeline.
        action: What it executes, `plugin/action`.
        status: `skipped` also when it was not needed, or an earlier result was taken.
        progress: How much of it is done, from 0 to 1.
        progress_category: What the progress is of.
        message: The latest it said, or why it was skipped.
        metrics: Latest values by category.
        needs: Nodes before it.
        run_ids: Its runs; one for each item where it is repeated.
        done: How many executions have ended.
        total: How many there are, as far as is known.
        attempt: Number of the current attempt; 0 before the first.
        eta_s: Seconds it still takes; None where it does not say.
        started_at: When it began.
        completed_at: When it ended.
        error: Why it failed.
        nodes: When it is a pipeline, how its own nodes stand; of the latest one where it is
            repeated.
    """

    name: str
    action: str = ""
    status: RunStatus = RunStatus.PENDING
    progress: float = Field(default=0.0, ge=0.0, le=1.0)
    progress_category: str | None = None
    message: str | None = None
    metrics: dict[str, JsonValue] = {}
    needs: list[str] = []
    run_ids: list[str] = []
    done: int = 0
    total: int = 1
    attempt: int = 0
    eta_s: float | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    error: str | None = None
    nodes: list["ActionProgress"] = []


class PipelineProgress(_Told):
    """How a pipeline run stands.

    Attributes:
        run_id: Id of the run.
        pipeline_id: Name of the pipeline.
        status: How the whole stands.
        current_action: The node that began last among those that run.
        current_action_index: Its position among the nodes, from 0.
        progress: The nodes, each behind those that it needs.
        started_at: When it began.
        completed_at: When it ended.
        error: Why it failed.
    """

    run_id: str
    pipeline_id: str
    status: RunStatus = RunStatus.PENDING
    current_action: str | None = None
    current_action_index: int | None = None
    progress: list[ActionProgress] = []
    started_at: datetime | None = None
    completed_at: datetime | None = None
    error: str | None = None

    @property
    def rows(self) -> list[ActionProgress]:
        """All nodes, those of pipelines in it behind the node they are in, as `node/inner`."""
        return list(_spread(self.progress, ""))

    @property
    def fraction(self) -> float:
        """How much of the whole is done, from 0 to 1; each node counts the same."""
        if not self.progress:
            return 0.0
        return sum(one.progress for one in self.progress) / len(self.progress)


def _spread(nodes: Sequence[ActionProgress], above: str) -> Iterator[ActionProgress]:
    """Yield nodes of a pipeline and of those in it, named by the way to them."""
    for one in nodes:
        path = f"{above}/{one.name}" if above else one.name
        needs = [f"{above}/{name}" if above else name for name in one.needs]
        yield one.model_copy(
            update={"name": path, "needs": needs or ([above] if above else []), "nodes": []}
        )
        yield from _spread(one.nodes, path)


def utc_time(seconds: float | None) -> datetime | None:
    """Return a Unix time as a date and time in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)

"""Put together how a pipeline run stands, from its log and the runs of its nodes."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from synapse_core.errors import StorageError
from synapse_core.model.event import Event, EventKind
from synapse_core.model.pipeline import Node
from synapse_core.model.pipeline_progress import ActionProgress, PipelineProgress, utc_time
from synapse_core.model.run import Progress, Run, RunKind, RunStatus
from synapse_core.operations.discretion import without_secrets
from synapse_core.pipelines.plan_files import load_plan
from synapse_core.runs.nodes import list_nodes
from synapse_core.types import JSONValue
from synapse_core.workspace import Workspace

__all__ = ["build_progress"]

_STEPS = frozenset({EventKind.STEP})
_STATUSES = {"started": RunStatus.RUNNING}
_PAGE = 5_000
_UNDONE = "(undone)"
_INDEX = re.compile(r"\[\d+\]")


@dataclass(slots=True)
class _Told:
    """What the log of a pipeline run says of a node."""

    status: RunStatus = RunStatus.PENDING
    reason: str = ""
    started_at: float | None = None
    ended_at: float | None = None
    is_undone: bool = False
    runs: list[Run] = field(default_factory=list[Run])


def build_progress(workspace: Workspace, run: Run) -> PipelineProgress:
    """Return how a pipeline run stands.

    Args:
        workspace: Where it is.
        run: The run, with an up-to-date summary.
    """
    told = _read_log(workspace, run.id)
    for node_run in sorted(list_nodes(workspace.runs, run.id), key=lambda one: one.created_at):
        if ":" not in node_run.node:
            name = node_run.node.partition("[")[0]
            told.setdefault(name, _Told()).runs.append(_current(workspace, node_run))
    nodes = _nodes_of(workspace, run)
    names = list(nodes) or list(told)
    progress = [
        _describe(name, nodes.get(name), told.get(name, _Told())).model_copy(
            update={"nodes": _inner_nodes(workspace, told.get(name))}
        )
        for name in names
    ]
    undone = {name for name, one in told.items() if one.is_undone and "/" in name}
    if undone:
        progress = [_with_undone(one, one.name, undone) for one in progress]
    current = _last_begun(progress)
    return PipelineProgress(
        run_id=run.id,
        pipeline_id=run.action,
        status=run.status,
        current_action=None if current is None else progress[current].name,
        current_action_index=current,
        progress=progress,
        started_at=utc_time(run.started_at),
        completed_at=utc_time(run.finished_at),
        error=run.failure.message if run.failure is not None else None,
    )


def _inner_nodes(workspace: Workspace, told: _Told | None) -> list[ActionProgress]:
    """Return how the nodes of a pipeline stand that is a node itself."""
    latest = _latest(told.runs) if told is not None else None
    if latest is None or latest.kind is not RunKind.PIPELINE:
        return []
    return build_progress(workspace, latest).progress


def _with_undone(shown: ActionProgress, place: str, undone: Collection[str]) -> ActionProgress:
    """Return how a node stands, with what was undone of the pipeline that it is."""
    nodes = [_with_undone(one, f"{place}/{one.name}", undone) for one in shown.nodes]
    message = _told_undone(shown.message or "") if place in undone else shown.message
    return shown.model_copy(update={"nodes": nodes, "message": message})


def _told_undone(message: str) -> str:
    return f"{message.removesuffix(_UNDONE).strip()} {_UNDONE}".strip()


def _nodes_of(workspace: Workspace, run: Run) -> dict[str, Node]:
    try:
        plan = load_plan(workspace.home, run.id)
    except StorageError:  # the run lies elsewhere, or its folder is gone: the log names the nodes
        return {}
    return {node.name: node for node in plan.nodes}


def _read_log(workspace: Workspace, run_id: str) -> dict[str, _Told]:
    told: dict[str, _Told] = {}
    cursor = None
    while True:
        page = workspace.journals.read(run_id, after=cursor, limit=_PAGE, kinds=_STEPS)
        cursor = page.next_cursor
        for event in page.items:
            name = _INDEX.sub("", str(event.data.get("name")))
            _note(told.setdefault(name, _Told()), event)
        if len(page.items) < _PAGE:
            return told


def _note(told: _Told, event: Event) -> None:
    word = str(event.data.get("transition"))
    if word in {"rolled_back", "rollback_failed"}:
        told.is_undone = word == "rolled_back"
        return
    status = _STATUSES.get(word) or RunStatus(word)
    told.status = status
    told.reason = str(event.data.get("error") or event.data.get("reason") or "")
    if status is RunStatus.RUNNING:
        told.started_at = event.time
    elif status.is_terminal:
        told.ended_at = event.time


def _current(workspace: Workspace, run: Run) -> Run:
    """Return a node's run with an up-to-date summary, fit to be shown."""
    if run.status is RunStatus.RUNNING:
        run = replace(run, summary=workspace.journals.summarise(run.id, run.summary))
    return without_secrets(run)


def _describe(name: str, node: Node | None, told: _Told) -> ActionProgress:
    runs = told.runs
    ended = [run for run in runs if run.status.is_terminal]
    latest = _latest(runs)
    shown = _shown_progress(latest)
    message = told.reason or (latest.summary.last_message if latest is not None else "")
    action = f"{latest.plugin}/{latest.action}" if latest is not None else ""
    if node is not None:
        plugin = node.target.plugin
        action = f"{plugin}/{node.target.action}" if plugin else node.target.action
    return ActionProgress(
        name=name,
        action=action,
        status=told.status,
        progress=_fraction(told, runs),
        progress_category=shown.category if shown is not None else None,
        message=_told_undone(message) if told.is_undone else message or None,
        metrics=_metrics(latest),
        needs=list(node.needs) if node is not None else [],
        run_ids=[run.id for run in runs],
        done=len(ended),
        total=max(len(runs), 1),
        attempt=latest.attempt if latest is not None else 0,
        eta_s=shown.eta_s if shown is not None and told.status is RunStatus.RUNNING else None,
        started_at=utc_time(_first_start(runs) or told.started_at),
        completed_at=utc_time(told.ended_at),
        error=told.reason if told.status is RunStatus.FAILED else None,
    )


def _fraction(told: _Told, runs: Sequence[Run]) -> float:
    if told.status in {RunStatus.SUCCEEDED, RunStatus.SKIPPED}:
        return 1.0
    if not runs:
        return 0.0
    return min(1.0, sum(map(_fraction_of_run, runs)) / len(runs))


def _fraction_of_run(run: Run) -> float:
    if run.status in {RunStatus.SUCCEEDED, RunStatus.SKIPPED}:
        return 1.0
    shown = _shown_progress(run)
    return 0.0 if shown is None else max(0.0, min(1.0, shown.percent / 100))


def _shown_progress(run: Run | None) -> Progress | None:
    """Return the progress that stands for a run: of all it does, or else of its latest part."""
    if run is None or not run.summary.progress:
        return None
    known: Mapping[str, Progress] = run.summary.progress
    return known.get("main") or list(known.values())[-1]


def _latest(runs: Sequence[Run]) -> Run | None:
    running = [run for run in runs if run.status is RunStatus.RUNNING]
    return (running or list(runs) or [None])[-1]


def _metrics(run: Run | None) -> dict[str, JSONValue]:
    if run is None:
        return {}
    return dict[str, JSONValue](run.summary.metrics)


def _first_start(runs: Sequence[Run]) -> float | None:
    return min((run.started_at for run in runs if run.started_at is not None), default=None)


def _last_begun(progress: Sequence[ActionProgress]) -> int | None:
    running = [
        (one.started_at.timestamp() if one.started_at is not None else 0.0, number)
        for number, one in enumerate(progress)
        if one.status is RunStatus.RUNNING
    ]
    return max(running)[1] if running else None

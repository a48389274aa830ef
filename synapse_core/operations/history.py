"""Compare runs and clear them away."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from synapse_core.errors import ConflictError, StorageError
from synapse_core.model.run import Run, RunFilter
from synapse_core.operations.runs import get_run
from synapse_core.runs.nodes import list_nodes
from synapse_core.types import JSONObject, JSONValue
from synapse_core.workspace import Workspace

__all__ = ["Difference", "PruneReport", "RunDiff", "delete_runs", "diff_runs", "prune_runs"]

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in which two runs differ; `path` is dotted, a side that lacks it is None."""

    path: str
    left: JSONValue
    right: JSONValue


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDiff:
    """How two runs differ, in the order a person asks: what went in, how it went, what came out."""

    left: str
    right: str
    params: tuple[Difference, ...]
    status: tuple[Difference, ...]
    metrics: tuple[Difference, ...]
    result: tuple[Difference, ...]
    artifacts: tuple[Difference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneReport:
    """What was, or would be, removed."""

    run_ids: tuple[str, ...]
    freed_bytes: int
    dry_run: bool


def diff_runs(workspace: Workspace, left: str, right: str) -> RunDiff:
    """Compare two runs.

    Raises:
        RunNotFoundError: One of them is unknown.
    """
    one, other = get_run(workspace, left), get_run(workspace, right)
    return RunDiff(
        left=one.id,
        right=other.id,
        params=_differences(one.params, other.params),
        status=_differences(_how_it_went(one), _how_it_went(other)),
        metrics=_differences(dict(one.summary.metrics), dict(other.summary.metrics)),
        result=_differences({"result": one.result}, {"result": other.result}),
        artifacts=_differences(_files(one), _files(other)),
    )


def delete_runs(
    workspace: Workspace, run_ids: Sequence[str], *, dry_run: bool = False
) -> PruneReport:
    """Remove ended runs with their journals and artifacts, those of pipelines with their nodes.

    Raises:
        RunNotFoundError: One is unknown; nothing was removed.
        ConflictError: One has not ended; nothing was removed.
        StorageError: A folder could not be removed; its run stays listed.
    """
    nodes: list[Run] = []
    for run_id in run_ids:
        run = get_run(workspace, run_id)
        nodes += list_nodes(workspace.runs, run_id)
        if run.parent_id is not None:
            raise ConflictError(
                f"Run {run_id} is a node of {run.parent_id}, which needs it.",
                hint="Remove the run of the pipeline: its nodes go with it.",
                run_id=run_id,
            )
        going_on = next((one for one in (run, *nodes) if not one.status.is_terminal), None)
        if going_on is not None:
            raise ConflictError(
                f"Run {going_on.id} is {going_on.status} and cannot be removed.",
                hint="Cancel it first, or leave it out.",
                run_id=going_on.id,
            )
    if workspace.service is not None:
        freed = workspace.service.delete(run_ids, dry_run=dry_run)
        return PruneReport(run_ids=tuple(run_ids), freed_bytes=freed, dry_run=dry_run)
    freed = 0
    for run_id in (*(node.id for node in nodes), *run_ids):
        folder = workspace.home.run_dir(run_id)
        freed += _size(folder)
        if dry_run:
            continue
        # Folder first: a run that is listed without its folder can be removed again, a folder
        # without its run would never be found.
        _remove(folder)
        workspace.runs.delete([run_id])
    return PruneReport(run_ids=tuple(run_ids), freed_bytes=freed, dry_run=dry_run)


def prune_runs(
    workspace: Workspace, where: RunFilter, *, keep: int = 0, dry_run: bool = False
) -> PruneReport:
    """Remove ended runs that match, but the newest `keep` of them."""
    ended = [run.id for run in _all(workspace, where) if run.status.is_terminal]
    return delete_runs(workspace, ended[keep:], dry_run=dry_run)


def _all(workspace: Workspace, where: RunFilter) -> Iterator[Run]:
    cursor = None
    while True:
        page = workspace.runs.list(where, limit=_PAGE, cursor=cursor)
        yield from page.items
        cursor = page.next_cursor
        if cursor is None:
            return


def _how_it_went(run: Run) -> JSONObject:
    duration = None
    if run.started_at is not None and run.finished_at is not None:
        duration = round(run.finished_at - run.started_at, 3)
    failure = asdict(run.failure) if run.failure is not None else {}
    return {
        "status": run.status,
        "plugin_version": run.plugin_version,
        "attempt": run.attempt,
        "duration_s": duration,
        "error": f"{failure['type']}: {failure['message']}" if failure else None,
    }


def _files(run: Run) -> JSONObject:
    return {
        name: f"{artifact.size_bytes} bytes, sha256 {artifact.sha256[:12]}"
        for name, artifact in run.summary.artifacts.items()
    }


def _differences(
    left: Mapping[str, JSONValue], right: Mapping[str, JSONValue], above: str = ""
) -> tuple[Difference, ...]:
    found: list[Difference] = []
    for key in {**left, **right}:
        path = f"{above}{key}"
        one, other = left.get(key), right.get(key)
        if isinstance(one, dict) and isinstance(other, dict):
            found += _differences(one, other, f"{path}.")
        elif one != other:
            found.append(Difference(path, one, other))
    return tuple(found)


def _size(folder: Path) -> int:
    return sum(file.lstat().st_size for file in folder.rglob("*") if not file.is_dir())


def _remove(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StorageError(
            f"Cannot remove {folder}: {error.strerror}.",
            hint="Check its permissions, then prune again.",
            path=str(folder),
        ) from error

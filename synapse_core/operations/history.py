"""Compare runs and clear them away."""

from collections.abc import Sequence
from dataclasses import dataclass

from synapse_core.model.run import RunFilter
from synapse_core.types import JSONValue
from synapse_core.workspace import Workspace

__all__ = ["Difference", "PruneReport", "RunDiff", "delete_runs", "diff_runs", "prune_runs"]


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
    """Compare two runs."""
    raise NotImplementedError


def delete_runs(
    workspace: Workspace, run_ids: Sequence[str], *, dry_run: bool = False
) -> PruneReport:
    """Remove ended runs with their journals and artifacts.

    Raises:
        RunNotFoundError: One is unknown; nothing was removed.
        ConflictError: One has not ended; nothing was removed.
    """
    raise NotImplementedError


def prune_runs(
    workspace: Workspace, where: RunFilter, *, keep: int = 0, dry_run: bool = False
) -> PruneReport:
    """Remove ended runs that match, but the newest `keep` of them."""
    raise NotImplementedError

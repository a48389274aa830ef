"""Start, watch, stop and repeat runs."""

from dataclasses import dataclass, field

from synapse_core.model.run import Page, Run, RunFilter
from synapse_core.types import JSONObject, JSONValue
from synapse_core.workspace import Workspace

__all__ = [
    "StartRun",
    "cancel_run",
    "find_run",
    "get_run",
    "list_runs",
    "rerun",
    "start_run",
    "wait_run",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRun:
    """What to run, and how.

    Attributes:
        plugin: Code of a plugin, or path of its folder.
        action: Name of the action.
        params: Its params.
        executor: Name of the executor that places it.
        timeout_s: Seconds an attempt may take; None for the action's own limit.
        retries: Attempts after the first; None for the action's own policy.
        env: Variables for the worker, besides the plugin's and the allow-listed ones.
        idempotency_key: Starting again with the same key returns the same run.
        dry_run: Check everything and return the run as it would be created, without creating it.
    """

    plugin: str
    action: str
    params: JSONObject = field(default_factory=dict[str, JSONValue])
    executor: str = "process"
    timeout_s: float | None = None
    retries: int | None = None
    env: dict[str, str] = field(default_factory=dict[str, str])
    idempotency_key: str | None = None
    dry_run: bool = False


def start_run(workspace: Workspace, request: StartRun) -> Run:
    """Create a run and place it; returns at once, with status `pending` (or the idempotent one).

    Raises:
        PluginNotFoundError: No such plugin.
        ActionNotFoundError: No such action.
        ParamsError: The params do not meet the action's schema; nothing was created.
        ActionLoadError: The plugin cannot be imported; nothing was created.
    """
    raise NotImplementedError


def get_run(workspace: Workspace, run_id: str) -> Run:
    """Return the run with an up-to-date summary; a run whose worker died is recovered first.

    Raises:
        RunNotFoundError: No such run.
    """
    raise NotImplementedError


def find_run(workspace: Workspace, reference: str) -> str:
    """Return the id of the run meant by `reference`: an id, a unique part of one, or `last`.

    Raises:
        RunNotFoundError: Nothing matches.
        InvalidInputError: Several runs match; the hint lists them.
    """
    raise NotImplementedError


def wait_run(workspace: Workspace, run_id: str, *, timeout_s: float) -> Run:
    """Return the run when it has ended, or as it stands when the time is over. Never stops it."""
    raise NotImplementedError


def list_runs(
    workspace: Workspace, where: RunFilter, *, limit: int = 50, cursor: str | None = None
) -> Page[Run]:
    """Return runs that match, newest first, without params, result and env."""
    raise NotImplementedError


def cancel_run(workspace: Workspace, run_id: str, *, force: bool = False, wait_s: float = 0) -> Run:
    """Ask the run to stop, and wait up to `wait_s` seconds for its end.

    Cooperative first, then SIGTERM, then SIGKILL to its whole process group; `force` kills at once.
    A run that has ended is returned unchanged.
    """
    raise NotImplementedError


def rerun(
    workspace: Workspace, run_id: str, *, params: JSONObject | None = None, dry_run: bool = False
) -> Run:
    """Start the run's action again with its params, those in `params` replacing the old ones."""
    raise NotImplementedError

"""Start, watch, stop and repeat runs."""

import logging
import shutil
import time
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

from synapse_core.errors import (
    ConflictError,
    CursorError,
    InvalidInputError,
    JournalError,
    LeaseLostError,
    RunNotFoundError,
    StorageError,
    SynapseError,
)
from synapse_core.model.event import EventKind
from synapse_core.model.plugin import Plugin
from synapse_core.model.run import (
    Outcome,
    Page,
    Run,
    RunFailure,
    RunFilter,
    RunKind,
    RunStatus,
)
from synapse_core.operations.discretion import without_secrets
from synapse_core.operations.plugins import (
    describe_action,
    find_plugin,
    pipeline_names,
    validate_params,
)
from synapse_core.runs.endings import terminal_status
from synapse_core.runs.ids import is_run_id, new_run_id
from synapse_core.runs.journal import JournalWriter
from synapse_core.runs.nodes import make_shared_folder
from synapse_core.runs.recovery import recover_if_abandoned
from synapse_core.types import JSONObject, JSONValue
from synapse_core.workspace import Workspace

if TYPE_CHECKING:
    from synapse_core.model.pipeline import Plan

__all__ = [
    "StartRun",
    "cancel_run",
    "check_resumable",
    "find_run",
    "get_run",
    "launch",
    "list_runs",
    "rerun",
    "start_run",
    "wait_run",
]

_log = logging.getLogger(__name__)

_STATUS_ONLY = frozenset({EventKind.STATUS})

_SEARCHED = 1000
"""Runs among which one is looked for by a part of its id."""

_UNCLAIMED_S = 5.0
"""A placed run is claimed within milliseconds; one that is not by then was lost on the way."""

_LIVENESS_S = 1.0
"""How long a silent run goes without a look whether its worker is still there."""


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
        rerun_of: The earlier run that this one repeats.
        resume: Go on from the checkpoints of that run, behind the last step it finished.
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
    rerun_of: str | None = None
    resume: bool = False


def start_run(workspace: Workspace, request: StartRun) -> Run:
    """Create a run and place it; returns at once, with status `pending` (or the idempotent one).

    What is returned may be shown: it holds no secrets. The run itself gets them.

    Raises:
        PluginNotFoundError: No such plugin.
        ActionNotFoundError: No such action.
        ParamsError: The params do not meet the action's schema; nothing was created.
        ActionLoadError: The plugin cannot be imported; nothing was created.
        WorkerLostError: No worker could be started; the run is recorded as failed.
    """
    if workspace.service is not None:
        return without_secrets(workspace.service.start(asdict(request)))
    executor = workspace.executor(request.executor)  # an unknown one is refused at once
    plugin = find_plugin(workspace, request.plugin)
    plan: Plan | None = None
    if request.action not in plugin.actions and request.action in pipeline_names(plugin):
        run, plan = _describe_pipeline_run(workspace, plugin, request, executor.name)
    else:
        run = replace(_describe_run(workspace, plugin, request), executor=executor.name)
    return without_secrets(run if request.dry_run else launch(workspace, run, plan))


def launch(workspace: Workspace, run: Run, plan: "Plan | None" = None) -> Run:
    """Create a run as it is described, and place it; the earlier one with the same key is returned.

    Args:
        workspace: Where.
        run: A pending run.
        plan: What a pipeline run executes.

    Raises:
        StorageError: Its folder cannot be made.
        WorkerLostError: No worker could be started; the run is recorded as failed.
    """
    created = _create(workspace, run, plan)
    if created.id == run.id:
        _place(workspace, created)
    return created


def get_run(workspace: Workspace, run_id: str) -> Run:
    """Return the run with an up-to-date summary; a run whose worker died is recovered first.

    What is returned may be shown: secrets in its params and variables, and wherever else they
    turned up, are replaced.

    Raises:
        RunNotFoundError: No such run.
    """
    return without_secrets(_current(workspace, run_id))


def _current(workspace: Workspace, run_id: str) -> Run:
    run = workspace.runs.get(run_id)
    if workspace.service is not None:
        return run  # it looks after its runs itself
    if run.status is RunStatus.RUNNING:
        run = recover_if_abandoned(workspace.runs, workspace.home, run)
        is_unplaced = run.status is RunStatus.PENDING
    else:
        # The door died between creating and placing it, or the zygote with the order in hand.
        # Placing again is harmless: only one worker can claim it.
        age_s = time.time() - run.created_at
        is_unplaced = run.status is RunStatus.PENDING and not 0 <= age_s <= _UNCLAIMED_S
    # The worker of a pipeline run minds its nodes itself.
    if is_unplaced and workspace.may_start:
        run = _place_again(workspace, run) if run.parent_id is None else _end_orphan(workspace, run)
    if run.status.is_terminal:
        return run
    return replace(run, summary=workspace.journals.summarise(run_id, run.summary))


def find_run(workspace: Workspace, reference: str) -> str:
    """Return the id of the run meant by `reference`: an id, a unique part of one, or `last`.

    Only the newest thousand runs are searched for parts.

    Raises:
        RunNotFoundError: Nothing matches.
        InvalidInputError: Several runs match; the hint lists them.
    """
    if is_run_id(reference):
        return workspace.runs.get(reference).id
    is_last = reference == "last"
    page = workspace.runs.list(RunFilter(), limit=1 if is_last else _SEARCHED)
    newest = [run.id for run in page.items]
    matches = newest if is_last else [id_ for id_ in newest if reference in id_]
    if not matches or not reference:
        raise RunNotFoundError(reference, newest)
    if len(matches) > 1:
        listed = ", ".join(matches[:5])
        raise InvalidInputError(
            f"{len(matches)} runs have {reference!r} in their id.",
            hint=f"Give more of it. The newest: {listed}.",
            reference=reference,
            suggestion=matches[0],
        )
    return matches[0]


def wait_run(workspace: Workspace, run_id: str, *, timeout_s: float) -> Run:
    """Return the run when it has ended, or as it stands when the time is over. Never stops it.

    Raises:
        RunNotFoundError: No such run.
    """
    until = time.monotonic() + timeout_s
    cursor = workspace.journals.tail(run_id, 1).next_cursor
    while True:
        run = _current(workspace, run_id)
        left_s = until - time.monotonic()
        if run.status.is_terminal or left_s <= 0:
            return without_secrets(run)
        look_again_at = time.monotonic() + min(left_s, _LIVENESS_S)
        while (pause_s := look_again_at - time.monotonic()) > 0:
            workspace.journals.wait(run_id, cursor, timeout_s=pause_s)
            try:
                page = workspace.journals.read(run_id, after=cursor, kinds=_STATUS_ONLY)
            except (CursorError, JournalError):
                if cursor is None:
                    raise
                cursor = None  # the run removed its own folder, and its journal began anew
                continue
            cursor = page.next_cursor
            if any(RunStatus(str(event.data["status"])).is_terminal for event in page.items):
                return _settled(workspace, run_id)


def list_runs(
    workspace: Workspace, where: RunFilter, *, limit: int = 50, cursor: str | None = None
) -> Page[Run]:
    """Return runs that match, newest first, without params, result and env.

    Raises:
        CursorError: The cursor is not one of this list's.
    """
    page = workspace.runs.list(where, limit=limit, cursor=cursor)
    if workspace.service is not None:
        return page  # it looks after its runs itself
    return Page(
        tuple(
            recover_if_abandoned(workspace.runs, workspace.home, run)
            if run.status is RunStatus.RUNNING
            else run
            for run in page.items
        ),
        page.next_cursor,
    )


def cancel_run(workspace: Workspace, run_id: str, *, force: bool = False, wait_s: float = 0) -> Run:
    """Ask the run to stop, and wait up to `wait_s` seconds for its end.

    Cooperative first, then SIGTERM, then SIGKILL to its whole process group; `force` kills at once.
    A run that has ended is returned unchanged.

    Raises:
        RunNotFoundError: No such run.
    """
    run = workspace.runs.request_cancel(run_id, force=force)
    if run.status is RunStatus.RUNNING and workspace.service is None:
        workspace.executor(run.executor).cancel(run)
    return wait_run(workspace, run_id, timeout_s=wait_s)


def rerun(
    workspace: Workspace,
    run_id: str,
    *,
    params: JSONObject | None = None,
    resume: bool = False,
    dry_run: bool = False,
) -> Run:
    """Start the run's action again with its params, those in `params` replacing the old ones.

    The plugin's code and manifest are taken as they are now; timeout, retries and variables of the
    earlier run are kept. With `resume`, the new run is given the checkpoints of the earlier one:
    steps that finished there and were not rolled back do not run again, unless params have changed.

    Raises:
        RunNotFoundError: No such run.
        ParamsError: The params no longer meet the action's schema.
    """
    if workspace.service is not None:
        order: JSONObject = {"params": params or {}, "resume": resume, "dry_run": dry_run}
        return without_secrets(workspace.service.start({"rerun_of": run_id, **order}))
    earlier = workspace.runs.get(run_id)
    request = StartRun(
        plugin=earlier.plugin_path,
        action=earlier.action,
        params={**earlier.params, **(params or {})},
        executor=earlier.executor,
        timeout_s=earlier.timeout_s,
        retries=earlier.retry.retries,
        env=earlier.env,
        dry_run=dry_run,
        rerun_of=run_id,
        resume=resume,
    )
    return start_run(workspace, request)


def _describe_run(workspace: Workspace, plugin: Plugin, request: StartRun) -> Run:
    """Check the request against what the plugin says of itself, and return the run it asks for."""
    described = describe_action(workspace, plugin, request.action)
    validate_params(described.schema, request.params)
    spec = described.spec
    retry = spec.retry
    if request.retries is not None:
        retry = replace(retry, retries=request.retries)
    now = time.time()
    return Run(
        id=new_run_id(now),
        plugin=plugin.code,
        plugin_version=plugin.version,
        plugin_path=str(plugin.path),
        action=spec.name,
        entrypoint=spec.entrypoint,
        params=request.params,
        executor=request.executor,
        env={**plugin.env, **request.env},
        timeout_s=request.timeout_s if request.timeout_s is not None else spec.timeout_s,
        retry=retry,
        resources=spec.resources,
        created_at=now,
        rerun_of=request.rerun_of,
        resume=request.resume,
        idempotency_key=request.idempotency_key,
    )


def _describe_pipeline_run(
    workspace: Workspace, plugin: Plugin, request: StartRun, executor: str
) -> "tuple[Run, Plan]":
    # Few runs are pipelines, and what reads their graphs takes as long to load as all else here.
    from synapse_core.operations.pipeline_plans import (  # noqa: PLC0415 - see above
        compile_pipeline,
        describe_pipeline_run,
    )

    compiled = compile_pipeline(workspace, plugin, request.action)
    if request.resume and request.rerun_of is not None:
        check_resumable(workspace.runs.get(request.rerun_of), request.action)
    run, plan = describe_pipeline_run(compiled, request.params, executor, env=request.env)
    if request.timeout_s is not None:
        plan = replace(plan, timeout_s=request.timeout_s)
    run = replace(
        run,
        rerun_of=request.rerun_of,
        resume=request.resume,
        idempotency_key=request.idempotency_key,
    )
    return run, plan


def check_resumable(earlier: Run, pipeline: str) -> None:
    """Look whether a pipeline can go on with the work of an earlier run.

    Raises:
        ConflictError: That one has not ended.
        InvalidInputError: It is not of this pipeline.
    """
    if earlier.kind is not RunKind.PIPELINE or earlier.action != pipeline:
        what = "the pipeline" if earlier.kind is RunKind.PIPELINE else "the action"
        raise InvalidInputError(
            f"Run {earlier.id} executes {what} {earlier.action!r}, not the pipeline {pipeline!r}.",
            hint="Resume a run of the same pipeline, or start without one.",
            run_id=earlier.id,
        )
    if not earlier.status.is_terminal:
        raise ConflictError(
            f"Run {earlier.id} is {earlier.status}: it goes on by itself.",
            hint="Wait for its end, or cancel it first.",
            run_id=earlier.id,
        )


def _create(workspace: Workspace, run: Run, plan: "Plan | None") -> Run:
    folder = workspace.home.run_dir(run.id)
    try:
        # Its followers wait for the journal to appear in it.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if plan is not None:
            from synapse_core.pipelines.plan_files import (  # noqa: PLC0415 - only for pipelines
                save_plan,
            )

            save_plan(workspace.home, run.id, plan)
            make_shared_folder(workspace.home, run)
    except OSError as error:
        raise StorageError(
            f"Cannot make the run's folder {folder}: {error.strerror}.",
            hint="Free disk space or check the permissions; `synapse doctor` looks for both.",
            path=str(folder),
        ) from error
    created = workspace.runs.create(run)
    if created.id != run.id:
        shutil.rmtree(folder, ignore_errors=True)
    return created


def _place(workspace: Workspace, run: Run) -> None:
    try:
        workspace.executor(run.executor).submit(run)
    except SynapseError as error:
        failure = RunFailure(
            type=type(error).__name__, message=error.message, code=error.code, hint=error.hint
        )
        outcome = Outcome(RunStatus.FAILED, failure=failure)
        if not _end_unplaced(workspace, run, outcome):
            return
        raise


def _end_unplaced(workspace: Workspace, run: Run, outcome: Outcome) -> bool:
    """Record the end of a run that could not be placed; False when somebody has it after all."""
    journal = workspace.home.journal(run.id)
    try:
        if not journal.exists() or run.attempt:  # else it was placed, and only the answer was lost
            with JournalWriter.open(journal) as writer:
                writer.emit(EventKind.STATUS, terminal_status(outcome, run.attempt))
        workspace.runs.finish(run.id, outcome, owner=None)
    except (JournalError, LeaseLostError):
        _log.warning("Could not end %s", run.id, exc_info=True)
        return not workspace.runs.get(run.id).owner
    return True


def _end_orphan(workspace: Workspace, run: Run) -> Run:
    """End a node that nobody will place: its pipeline run, whose worker minds it, has ended."""
    try:
        is_minded = not workspace.runs.get(run.parent_id or "").status.is_terminal
    except RunNotFoundError:
        is_minded = False
    return run if is_minded else workspace.runs.request_cancel(run.id)


def _place_again(workspace: Workspace, run: Run) -> Run:
    """Place a run that nobody owns; that it cannot be placed is then the run's own outcome."""
    try:
        _place(workspace, run)
    except SynapseError:
        _log.warning("Could not place %s again", run.id, exc_info=True)
    return workspace.runs.get(run.id)


def _settled(workspace: Workspace, run_id: str) -> Run:
    """Return a run whose last event is on record, once its store says the same.

    The two writes follow each other within milliseconds, and no watch covers every kind of store.
    """
    pause_s = 0.001
    while not (run := get_run(workspace, run_id)).status.is_terminal and pause_s < _LIVENESS_S:
        time.sleep(pause_s)
        pause_s *= 2
    return run

"""Executes pipelines written in Python through worker processes."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from synapse_core.actions.definition import Action
from synapse_core.config.home import Home
from synapse_core.errors import (
    InvalidInputError,
    PipelineError,
    RunCancelledError,
    RunTimeoutError,
)
from synapse_core.model.pipeline_progress import PipelineProgress
from synapse_core.model.run import Run, RunStatus
from synapse_core.operations.pipeline_plans import describe_pipeline_run, facts_finder
from synapse_core.operations.pipelines.verbs import follow_progress, get_pipeline_run, get_progress
from synapse_core.operations.runs import cancel_run, check_resumable, launch, wait_run
from synapse_core.pipelines.action_pipeline import ActionPipeline
from synapse_core.pipelines.compiling import compile_plan
from synapse_core.pipelines.drafts import ActionFacts, FindFacts
from synapse_core.pipelines.fingerprint import digest_code
from synapse_core.pipelines.mirror_process import keep_showing
from synapse_core.pipelines.python_facts import describe_python_action, place_action
from synapse_core.plugins.layout import MANIFEST
from synapse_core.plugins.parsing import load_manifest
from synapse_core.runs.ids import is_run_id
from synapse_core.runs.nodes import node_results
from synapse_core.types import JSONObject, JSONValue
from synapse_core.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from synapse_core.operations.pipelines.showing import Showing

__all__ = ["ProcessPipelineExecutor"]

_WAIT_S = 3600.0


class ProcessPipelineExecutor:
    """Executes pipelines so that they outlive this process; a context manager.

    The pipeline and each of its nodes run in processes of their own, which import the actions from
    where they are defined: in a plugin's folder, or in any other that can be imported.

    Args:
        home: Folder to keep runs in; None for `SYNAPSE_HOME`, else `~/.synapse`.
        roots: Folders in which plugins are looked for that a pipeline only names; None for the
            current folder and those that are registered.
        executor: Name of the executor that places the nodes.
        env: Variables for all nodes.
        service_url: A service that shows the runs as its own, while they go on; None for none.
        service_token: Secret of scope `run` that opens it; None for `SYNAPSE_SERVICE_TOKEN`, or
            the token that a service of this home has made.
    """

    def __init__(
        self,
        home: Path | str | None = None,
        roots: Sequence[Path] | None = None,
        *,
        executor: str = "process",
        env: Mapping[str, str] | None = None,
        service_url: str | None = None,
        service_token: str | None = None,
    ) -> None:
        self._stack = ExitStack()
        opened = open_workspace(Path(home) if home is not None else None, roots)
        self._workspace: Workspace = self._stack.enter_context(opened)
        self._executor = executor
        self._env = dict(env or {})
        self._showing = None
        if service_url is not None:
            self._showing = _open_showing(self._workspace.home, service_url, service_token)

    def submit(
        self,
        pipeline: ActionPipeline,
        params: JSONObject,
        name: str | None = None,
        resume_from: str | None = None,
    ) -> str:
        """Start a pipeline and return the id of its run.

        Args:
            pipeline: The pipeline.
            params: Its params.
            name: What the run's pipeline is called, instead of its own name.
            resume_from: An earlier run of it; what finished there is not executed again.

        Raises:
            ParamsError: The params do not fit.
            PipelineDefinitionError: It cannot be executed, or an action cannot be imported from
                another process.
            RunNotFoundError: There is no run to resume.
            StoreUnavailableError: The service cannot be reached.
        """
        draft = replace(pipeline.draft, name=name or pipeline.name)
        compiled = compile_plan(draft, _finder(self._workspace))
        run, plan = describe_pipeline_run(compiled, params, self._executor, env=self._env)
        if resume_from is not None:
            check_resumable(self._workspace.runs.get(resume_from), draft.name)
            run = replace(run, rerun_of=resume_from, resume=True)
        if self._showing is None:
            return launch(self._workspace, run, plan).id
        with self._showing.of(run):
            return launch(self._workspace, run, plan).id

    def wait(self, run_id: str, timeout_s: float | None = None) -> JSONValue:
        """Return the result when the run has ended.

        Args:
            run_id: The run.
            timeout_s: Seconds to wait; None for an hour.

        Raises:
            PipelineError: A node failed; `data["results"]` has what the others returned.
            RunCancelledError: It was cancelled.
            RunTimeoutError: It has not ended in that time; it goes on.
        """
        self._keep_showing(run_id)
        patience_s = _WAIT_S if timeout_s is None else timeout_s
        run = wait_run(self._workspace, run_id, timeout_s=patience_s)
        if not run.status.is_terminal:
            raise RunTimeoutError(
                f"Run {run_id} has not ended within {patience_s:g} s.",
                hint="It goes on: wait again, or cancel it.",
                run_id=run_id,
            )
        return _result_of(self._workspace, run)

    def get_status(self, run_id: str) -> RunStatus:
        """Return how the run stands."""
        self._keep_showing(run_id)
        return get_pipeline_run(self._workspace, run_id).status

    def get_progress(self, run_id: str) -> PipelineProgress:
        """Return how the run stands, with each of its nodes."""
        self._keep_showing(run_id)
        return get_progress(self._workspace, run_id)

    def get_result(self, run_id: str) -> JSONValue:
        """Return the result of a run that has ended.

        Raises:
            InvalidInputError: It has not.
            PipelineError: A node failed; `data["results"]` has what the others returned.
            RunCancelledError: It was cancelled.
        """
        self._keep_showing(run_id)
        run = get_pipeline_run(self._workspace, run_id)
        if not run.status.is_terminal:
            raise InvalidInputError(
                f"Run {run_id} is {run.status}.", hint="Call `wait`.", run_id=run_id
            )
        return _result_of(self._workspace, run)

    def stream_progress(
        self, run_id: str, timeout_s: float | None = None
    ) -> Iterator[PipelineProgress]:
        """Yield how the run stands whenever it has changed; the last one is its end."""
        self._keep_showing(run_id)
        return follow_progress(self._workspace, run_id, timeout_s=timeout_s)

    async def stream_progress_async(
        self, run_id: str, timeout_s: float | None = None
    ) -> AsyncIterator[PipelineProgress]:
        """Yield how the run stands whenever it has changed, without holding up the event loop."""
        stream = self.stream_progress(run_id, timeout_s)
        while (progress := await asyncio.to_thread(next, stream, None)) is not None:
            yield progress

    def cancel(self, run_id: str, *, force: bool = False) -> None:
        """Ask the run and all its nodes to stop; a run that has ended stays as it is."""
        cancel_run(self._workspace, run_id, force=force)

    def _keep_showing(self, run_id: str) -> None:
        if is_run_id(run_id):
            keep_showing(self._workspace.home, run_id)

    def close(self) -> None:
        """Release what this object holds; runs go on."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()


def _open_showing(home: Home, url: str, token: str | None) -> "Showing":
    from synapse_core.operations.pipelines.showing import (  # noqa: PLC0415 - it speaks HTTP
        Showing,
    )

    return Showing(home, url, token)


def _result_of(workspace: Workspace, run: Run) -> JSONValue:
    if run.status is RunStatus.SUCCEEDED:
        return run.result
    if run.status is RunStatus.CANCELLED:
        raise RunCancelledError(f"Run {run.id} was cancelled.", run_id=run.id)
    failure = run.failure
    message = failure.message if failure is not None else f"Run {run.id} is {run.status}."
    hint = failure.hint if failure is not None else ""
    results = node_results(workspace.runs, run)
    raise PipelineError(message, hint=hint, run_id=run.id, results=results)


def _finder(workspace: Workspace) -> FindFacts:
    named = facts_finder(workspace, None)

    @cache
    def plugin_at(folder: Path) -> tuple[str, str, Mapping[str, str], str]:
        if not (folder / MANIFEST).is_file():
            return folder.name, "", {}, digest_code(folder)
        manifest = load_manifest(folder)
        return manifest.code, manifest.version, dict(manifest.env), digest_code(folder)

    def find(action: Action | str) -> ActionFacts:
        if isinstance(action, str):
            return named(action)
        facts = describe_python_action(action)
        folder, entrypoint = place_action(action)
        code, version, env, digest = plugin_at(folder)
        target = replace(
            facts.target,
            plugin=code,
            plugin_version=version,
            plugin_path=str(folder),
            entrypoint=entrypoint,
            code=digest,
            env=env,
        )
        return replace(facts, target=target)

    return find

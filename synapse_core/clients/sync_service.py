"""The verbs of a run service, for programs that start, watch and stop runs."""

# Made of async_service.py by scripts/make-sync-clients; change that one.

from collections.abc import Generator, Mapping, Sequence
from types import TracebackType
from typing import Self, cast

from synapse_core.clients.call import Call, QueryValue, run_path
from synapse_core.clients.sync_session import Session
from synapse_core.clients.verbs import (
    artifact_of,
    checkpoint_of,
    filter_query,
    log_lines_of,
    page_of_events,
    page_of_runs,
    pipeline_of,
    pipeline_path,
    pipelines_of,
    progress_of,
    run_of,
    runs_of,
    sent_event_of,
    sent_progress_of,
)
from synapse_core.errors import NotFoundError, RunNotFoundError
from synapse_core.model.event import Event, EventKind
from synapse_core.model.pipeline_progress import PipelineProgress
from synapse_core.model.run import ArtifactInfo, Page, Run, RunFilter, RunStatus
from synapse_core.types import JSONObject, JSONValue

__all__ = ["PipelineServiceClient"]

_RUNS = "/api/v1/runs"


class PipelineServiceClient:
    """Starts, watches and stops the runs of a service. A context manager.

    Calls are made again when that does no harm: reading always; starting with an
    `idempotency_key`; never what might then happen twice.

    Args:
        url: Address of the service.
        token: Secret that opens it.
        timeout_s: Seconds to wait for an answer.
        patience_s: Seconds after which a call that failed is not made again.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        timeout_s: float = 30.0,
        patience_s: float = 3.0,
    ) -> None:
        self._session = Session(url, token, timeout_s=timeout_s, patience_s=patience_s)

    def close(self) -> None:
        """Let go of the connections."""
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def version(self) -> str:
        """Return the version of the service; also tells whether the token opens it."""
        answer = self._session.call(Call(method="GET", path="/api/v1/version"))
        return str(answer["version"])

    def start_run(
        self,
        plugin: str,
        action: str,
        params: Mapping[str, object] | None = None,
        *,
        timeout_s: float | None = None,
        retries: int | None = None,
        env: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        dry_run: bool = False,
    ) -> Run:
        """Start a run on the machine of the service.

        Args:
            plugin: Code of a plugin that the service knows.
            action: Name of the action.
            params: Its params.
            timeout_s: Seconds an attempt may take; None for the action's own limit.
            retries: Attempts after the first; None for the action's own policy.
            env: Variables for the worker.
            idempotency_key: Starting again with the same key returns the same run.
            dry_run: Check everything and start nothing.

        Raises:
            PluginNotFoundError: The service knows no such plugin.
            ParamsError: The params do not meet the action's schema; nothing was started.
        """
        order = {
            "plugin": plugin,
            "action": action,
            "params": dict(params or {}),
            "timeout_s": timeout_s,
            "retries": retries,
            "env": dict(env or {}),
            "idempotency_key": idempotency_key,
            "dry_run": dry_run,
        }
        return self._start(order, _RUNS, repeats=dry_run or idempotency_key is not None)

    def rerun(
        self, run_id: str, params: Mapping[str, object] | None = None, *, resume: bool = False
    ) -> Run:
        """Start the action of a run again; `params` replace some of its own.

        With `resume`, steps that finished there do not run again.
        """
        order = {"rerun_of": run_id, "params": dict(params or {}), "resume": resume}
        return self._start(order, _RUNS, repeats=False)

    def get_run(self, run_id: str) -> Run:
        """Return the run, its summary up to date."""
        return run_of(self._session.call(Call(method="GET", path=run_path(run_id))))

    def list_runs(
        self, where: RunFilter | None = None, *, limit: int = 50, cursor: str | None = None
    ) -> Page[Run]:
        """Return runs that match, newest first, without params, result and variables."""
        query = {**filter_query(where or RunFilter()), "limit": limit, "cursor": cursor}
        call = Call(method="GET", path=_RUNS, query=query)
        return page_of_runs(self._session.call(call))

    def cancel_run(self, run_id: str, *, force: bool = False) -> Run:
        """Ask the run to stop; `force` kills without asking."""
        call = Call(method="POST", path=run_path(run_id, "cancel"), body={"force": force})
        return run_of(self._session.call(call))

    def delete_run(self, run_id: str) -> None:
        """Remove a run that has ended, with all it left."""
        self._session.call(Call(method="DELETE", path=run_path(run_id)))

    def read_events(
        self,
        run_id: str,
        *,
        after: str | None = None,
        limit: int = 1000,
        kinds: Sequence[EventKind] = (),
    ) -> Page[Event]:
        """Return events after the cursor, oldest first; `next_cursor` goes on behind them."""
        query: dict[str, QueryValue] = {
            "after": after,
            "limit": limit,
            "kinds": list(kinds) or None,
        }
        call = Call(method="GET", path=run_path(run_id, "events"), query=query)
        return page_of_events(self._session.call(call))

    def stream_events(
        self, run_id: str, *, after: str | None = None, kinds: Sequence[EventKind] = ()
    ) -> Generator[tuple[Event, str]]:
        """Yield each event with the cursor behind it, as it is written, until the run has ended.

        A connection that breaks is made again; no event is lost or comes twice.
        """
        path = run_path(run_id, "events", "stream")
        query: dict[str, QueryValue] = {"kinds": list(kinds) or None}
        for sent in self._session.follow(path, after=after, query=query):
            event = sent_event_of(sent)
            if event is not None:
                yield event, sent.id

    def wait_run(self, run_id: str) -> Run:
        """Return the run when it has ended."""
        path = run_path(run_id, "events", "stream")
        query: dict[str, QueryValue] = {"kinds": [EventKind.STATUS]}
        for _ in self._session.follow(path, query=query):
            pass
        return self.get_run(run_id)

    def read_logs(
        self, run_id: str, *, cursor: str | None = None, tail: int | None = None
    ) -> tuple[list[str], str]:
        """Return lines of the log, and the cursor behind them."""
        query: dict[str, QueryValue] = {"cursor": cursor, "tail": tail}
        call = Call(method="GET", path=run_path(run_id, "logs"), query=query)
        return log_lines_of(self._session.call(call))

    def list_checkpoints(self, run_id: str) -> list[JSONObject]:
        """Return what was last saved under each name, the latest last."""
        call = Call(method="GET", path=run_path(run_id, "checkpoints"))
        answer = self._session.call(call)
        return [checkpoint_of(item) for item in cast("list[JSONValue]", answer["checkpoints"])]

    def list_artifacts(self, run_id: str) -> list[ArtifactInfo]:
        """Return the files that the run saved."""
        answer = self._session.call(Call(method="GET", path=run_path(run_id, "artifacts")))
        return [artifact_of(item) for item in cast("list[JSONValue]", answer["artifacts"])]

    def read_artifact(self, run_id: str, name: str) -> Generator[bytes]:
        """Yield the pieces of a file that the run saved."""
        path = run_path(run_id, "artifacts", *name.split("/"))
        yield from self._session.download(Call(method="GET", path=path))

    def list_pipelines(self, plugin: str | None = None) -> list[JSONObject]:
        """Return the pipelines of one plugin, or of all: `id`, `plugin`, `name`, `nodes`."""
        call = Call(method="GET", path="/api/v1/pipelines", query={"plugin": plugin})
        return pipelines_of(self._session.call(call))

    def get_pipeline(self, plugin: str, name: str) -> JSONObject:
        """Return a pipeline with its nodes, and the JSON schema of its `params`.

        Raises:
            PipelineDefinitionError: It cannot be executed.
            PipelineNotFoundError: The plugin has none of this name.
        """
        call = Call(method="GET", path=pipeline_path(plugin, name))
        return pipeline_of(self._session.call(call))

    def start_pipeline(
        self,
        plugin: str,
        name: str,
        params: Mapping[str, object] | None = None,
        *,
        resume_from: str | None = None,
        timeout_s: float | None = None,
        env: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        dry_run: bool = False,
    ) -> Run:
        """Start a pipeline on the machine of the service.

        Args:
            plugin: Code of a plugin that the service knows.
            name: Name of the pipeline.
            params: Its params.
            resume_from: An earlier run of it; what finished there is not executed again.
            timeout_s: Seconds the whole may take; None for the pipeline's own limit.
            env: Variables for all nodes.
            idempotency_key: Starting again with the same key returns the same run.
            dry_run: Check everything and start nothing.

        Raises:
            ParamsError: The params do not meet the pipeline's schema; nothing was started.
            PipelineNotFoundError: The plugin has none of this name.
        """
        order = {
            "params": dict(params or {}),
            "resume_from": resume_from,
            "timeout_s": timeout_s,
            "env": dict(env or {}),
            "idempotency_key": idempotency_key,
            "dry_run": dry_run,
        }
        path = pipeline_path(plugin, name, "runs")
        return self._start(order, path, repeats=dry_run or idempotency_key is not None)

    def list_pipeline_runs(
        self,
        plugin: str,
        name: str,
        *,
        statuses: Sequence[RunStatus] = (),
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Run]:
        """Return runs of a pipeline, newest first, without params, result and variables."""
        query: dict[str, QueryValue] = {
            "status": list(statuses) or None,
            "limit": limit,
            "cursor": cursor,
        }
        call = Call(method="GET", path=pipeline_path(plugin, name, "runs"), query=query)
        return page_of_runs(self._session.call(call))

    def resume_run(self, run_id: str, params: Mapping[str, object] | None = None) -> Run:
        """Start a run that goes on where a pipeline run ended; what finished there is skipped."""
        order = {"params": None if params is None else dict(params)}
        return self._start(order, run_path(run_id, "resume"), repeats=False)

    def get_progress(self, run_id: str) -> PipelineProgress:
        """Return how a pipeline run stands, with each of its nodes."""
        answer = self._session.call(Call(method="GET", path=run_path(run_id, "progress")))
        return progress_of(answer.get("progress"))

    def stream_progress(self, run_id: str) -> Generator[PipelineProgress]:
        """Yield how a pipeline run stands whenever it has changed; the last one is its end.

        A connection that breaks is made again; the same state does not come twice.
        """
        for sent in self._session.follow(run_path(run_id, "progress", "stream")):
            yield sent_progress_of(sent)

    def list_node_runs(self, run_id: str) -> tuple[Run, ...]:
        """Return the runs of a pipeline run's nodes, oldest first, without params and result."""
        return runs_of(self._session.call(Call(method="GET", path=run_path(run_id, "nodes"))))

    def get_node(self, run_id: str, node: str) -> tuple[Run, ...]:
        """Return the runs of a node with what they were given and returned: its checkpoint.

        Args:
            run_id: The pipeline run.
            node: Name of the node; one that is repeated for a list has a run for each item.

        Raises:
            NotFoundError: The node was not executed.
        """
        call = Call(method="GET", path=run_path(run_id, "nodes", node))
        return runs_of(self._session.call(call))

    def get_latest_node(self, run_id: str) -> Run | None:
        """Return the run of the node that ended last; None when none has ended."""
        try:
            return (self.get_node(run_id, "latest"))[0]
        except RunNotFoundError:
            raise
        except NotFoundError:
            return None

    def _start(self, order: Mapping[str, object], path: str, *, repeats: bool) -> Run:
        body = cast("JSONObject", dict(order))
        call = Call(method="POST", path=path, body=body, repeats=repeats, timeout_s=300.0)
        return run_of(self._session.call(call))

"""Executes actions on a Ray cluster from a script, each in a worker process of its own."""

import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from synapse_core.actions.definition import Action
from synapse_core.config.settings import load_settings
from synapse_core.errors import InvalidInputError
from synapse_core.executors.console import ConsoleSink
from synapse_core.executors.ray.calls import RunCalls, home_of, result_of
from synapse_core.executors.ray.choosing import ACTOR, find_cluster
from synapse_core.executors.ray.launcher import RayLauncher
from synapse_core.executors.ray.options import (
    find_folder,
    merge_variables,
    to_resources,
)
from synapse_core.executors.ray.subject import Subject, find_subject
from synapse_core.model.run import RunStatus
from synapse_core.ports import EventSink

__all__ = ["PlacedRun", "RayActorExecutor"]

_AT_ONCE = 250
"""Runs that are made and placed in one go: more keeps others from writing to the store."""


@dataclass(frozen=True, slots=True)
class PlacedRun:
    """A run on a cluster.

    Attributes:
        run_id: Its id; `synapse run show` and all else find it by that.
    """

    run_id: str
    _calls: RunCalls
    _model: type[BaseModel] | None

    @property
    def status(self) -> RunStatus:
        """Where it stands."""
        return self._calls.look(self.run_id).status

    def result(self, timeout_seconds: float | None = None) -> Any:  # noqa: ANN401 - whatever it returned
        """Wait for its end and return what it returned.

        Raises:
            RunTimeoutError: It has not ended in that time; it goes on.
            SynapseError: It failed, or was cancelled.
        """
        return result_of(self._calls.wait(self.run_id, timeout_s=timeout_seconds), self._model)

    def cancel(self, *, force: bool = False) -> None:
        """Ask it to stop; with `force`, kill it at once."""
        self._calls.cancel(self.run_id, force=force)


class RayActorExecutor:
    """Executes actions on a Ray cluster.

    Ray finds the room; a worker process there executes, isolated as without Ray. Every call is a
    run in the home, with log, metrics and files. Any number may be submitted at once: those that
    find no room wait. Without an address, the cluster of this machine is used, and started if need
    be. This process never imports Ray.

    Args:
        working_dir: The plugin's folder; None for the one that an action's source lies in.
        num_gpus: GPUs for each run, possibly a fraction; None for what the action asks for.
        num_cpus: CPU cores for each run, possibly a fraction; None for what the action asks for.
        memory: Bytes for each run; None for what the action asks for.
        resources: Further resources of the cluster by name, besides those the action asks for.
        runtime_env: May hold `env_vars` and `working_dir`. Libraries come from the plugin's
            requirements.
        env: Variables for the actions.
        job_id: Id that actions see as `ctx.job_id`; without it, the id of the run.
        ray_address: Name of a cluster of the active environment, `host:port` of a head, `auto`, or
            `ray://…`; None for the cluster of this machine.
        home: Where runs are kept; None for `SYNAPSE_HOME`, else `~/.synapse`.
        sink: Where `execute` shows events; None to show them on stderr.

    Raises:
        InvalidInputError: An argument cannot be used.
    """

    def __init__(
        self,
        working_dir: str | os.PathLike[str] | None = None,
        num_gpus: float | None = None,
        num_cpus: float | None = None,
        memory: int | None = None,
        resources: Mapping[str, float] | None = None,
        runtime_env: Mapping[str, object] | None = None,
        env: Mapping[str, object] | None = None,
        job_id: str | None = None,
        ray_address: str | None = None,
        *,
        home: Path | None = None,
        sink: EventSink | None = None,
    ) -> None:
        place = home_of(home, os.environ)
        clusters = load_settings(place.config_file).clusters
        where = ray_address or ""
        self._executor = RayLauncher(
            place,
            os.environ,
            find_cluster(where, place, os.environ, clusters),
            name=f"{ACTOR}@{where}" if where else ACTOR,
        )
        self._calls = RunCalls(place, self._executor)
        self._folder = find_folder(working_dir, runtime_env)
        self._env = merge_variables(env, runtime_env, job_id)
        self._resources = to_resources(num_cpus, num_gpus, memory, resources)
        self._sink = sink or ConsoleSink()

    def execute(
        self, action_cls: Action | str, params: Mapping[str, object] | BaseModel | None = None
    ) -> Any:  # noqa: ANN401 - whatever the action returns
        """Execute an action, show what it says, and return its result.

        The result is read back as the action's result model; without one it is plain JSON.

        Args:
            action_cls: A `BaseAction` subclass, a function decorated with `@action`, or the name of
                an action of the plugin.
            params: What it is given.

        Raises:
            ActionDefinitionError: Another process could not import it.
            MissingExtraError: Ray is not installed.
            SynapseError: It failed. What it raised stands in the message, and its traceback in
                the notes.
        """
        run = self.submit(action_cls, params)
        for event in self._calls.follow(run.run_id):
            self._sink.emit(event.kind, event.data)
        return run.result()

    def submit(
        self, action_cls: Action | str, params: Mapping[str, object] | BaseModel | None = None
    ) -> PlacedRun:
        """Place a run of an action and return without waiting for it; see `execute`."""
        subject = find_subject(action_cls, self._folder)
        run = self._calls.start(subject, params, env=self._env, resources=self._resources)
        return PlacedRun(run.id, self._calls, subject.result_model)

    def submit_many(
        self,
        action_cls: Action | str,
        params: Iterable[Mapping[str, object] | BaseModel | None],
    ) -> list[PlacedRun]:
        """Place a run for each of the params, and return without waiting for them.

        Some hundred runs at once cost little more than one. What waits lies in the home; for more
        than that should hold, see `map`.

        Raises:
            ParamsError: Some params cannot be said in JSON; those before them were placed.
        """
        subject = find_subject(action_cls, self._folder)
        model, rest = subject.result_model, iter(params)
        placed: list[PlacedRun] = []
        while some := [*islice(rest, _AT_ONCE)]:
            placed += [PlacedRun(id_, self._calls, model) for id_ in self._start(subject, some)]
        return placed

    def map(
        self,
        action_cls: Action | str,
        params: Iterable[Mapping[str, object] | BaseModel | None],
        *,
        in_flight: int = 1000,
    ) -> Iterator[Any]:
        """Execute an action for each of the params; yield the results, in their order.

        The first runs start at once. Params are taken as earlier runs end, so there may be any
        number of them, or ones that are still to come.

        Args:
            action_cls: As for `execute`.
            params: What each run is given.
            in_flight: How many runs may be under way, their results included that nobody has
                taken yet.

        Raises:
            InvalidInputError: `in_flight` is less than 1.
            SynapseError: A run failed. Those after it go on, but their results are lost here.
        """
        if in_flight < 1:
            raise InvalidInputError(f"in_flight is {in_flight}.", hint="Allow one or more.")
        subject, rest = find_subject(action_cls, self._folder), iter(params)
        # Before the first result is asked for.
        begun = self._start(subject, [*islice(rest, min(in_flight, _AT_ONCE))])
        return self._results(subject, deque(begun), rest, in_flight)

    def _results(
        self,
        subject: Subject,
        placed: deque[str],
        rest: Iterator[Mapping[str, object] | BaseModel | None],
        in_flight: int,
    ) -> Iterator[Any]:
        at_once = max(1, min(in_flight // 2, _AT_ONCE))
        while True:
            while in_flight - len(placed) >= at_once and (some := [*islice(rest, at_once)]):
                placed.extend(self._start(subject, some))
            if not placed:
                return
            for run in self._calls.wait_first([*islice(placed, _AT_ONCE)]):
                yield result_of(run, subject.result_model)
                placed.popleft()

    def _start(
        self, subject: Subject, params: Sequence[Mapping[str, object] | BaseModel | None]
    ) -> list[str]:
        runs = self._calls.start_many(
            subject,
            params,
            env=self._env,
            resources=self._resources,
            place=self._executor.submit_many,
        )
        return [run.id for run in runs]

    def shutdown(self) -> None:
        """Let go of what this object holds; runs go on, and the cluster stays for others."""
        self._calls.close()

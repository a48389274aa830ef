"""Runs made from a script: recorded like all others, followed, and their results read back."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from synapse_core import errors
from synapse_core.actions.results import conform
from synapse_core.config.home import Home
from synapse_core.errors import (
    ActionError,
    ParamsError,
    RunCancelledError,
    RunTimeoutError,
    SynapseError,
)
from synapse_core.executors.ray.cluster.settling import end_unplaced
from synapse_core.executors.ray.subject import Subject
from synapse_core.model.event import Event, EventKind
from synapse_core.model.run import Resources, Run, RunFailure, RunStatus
from synapse_core.ports import Executor
from synapse_core.runs.ids import new_run_id
from synapse_core.runs.reading import Journals
from synapse_core.runs.recovery import recover_if_abandoned
from synapse_core.runs.store.opening import OpenRunStore, open_run_store
from synapse_core.types import JSONObject

__all__ = ["RunCalls", "home_of", "raise_failure", "result_of"]

_LOOK_S = 1.0
"""How long a silent run goes without a look whether its worker is still there."""

_STATUSES = frozenset({EventKind.STATUS})

_UNCLAIMED_S = 30.0
"""A run that nobody claims for so long is handed over again, which is harmless."""


@dataclass(slots=True)
class RunCalls:
    """Makes runs in a home, places them, and watches them.

    Attributes:
        home: The home.
        executor: What places them.
    """

    home: Home
    executor: Executor
    _store: OpenRunStore | None = None

    @property
    def store(self) -> OpenRunStore:
        """The run store, opened when it is first needed."""
        if self._store is None:
            self.home.ensure()
            self._store = open_run_store(self.home)
        return self._store

    def start(
        self,
        subject: Subject,
        params: Mapping[str, object] | BaseModel | None,
        *,
        env: Mapping[str, str],
        resources: Resources,
    ) -> Run:
        """Create a run and place it; returns without waiting for it.

        Raises:
            ParamsError: The params cannot be said in JSON.
            SynapseError: It could not be placed; it is recorded as failed.
        """

        def place(runs: Sequence[Run]) -> None:
            self.executor.submit(runs[0])

        return self.start_many(subject, [params], env=env, resources=resources, place=place)[0]

    def start_many(
        self,
        subject: Subject,
        params: Iterable[Mapping[str, object] | BaseModel | None],
        *,
        env: Mapping[str, str],
        resources: Resources,
        place: Callable[[Sequence[Run]], None],
    ) -> list[Run]:
        """Create a run for each of the params and place all of them together.

        Args:
            subject: What is to be run.
            params: What each run is given.
            env: Variables of the runs.
            resources: What each reserves.
            place: Places them, with the executor of this object.

        Raises:
            ParamsError: Some params cannot be said in JSON; no run was made.
            SynapseError: They could not be placed; they are recorded as failed.
        """
        name = self.executor.name
        runs = [_new_run(subject, _as_json(one), env, resources, name) for one in params]
        self.store.many.create(runs)
        try:
            if runs:
                place(runs)
        except SynapseError as error:
            for run in runs:
                end_unplaced(self.store, self.home, run, error)
            raise
        return runs

    def look(self, run_id: str) -> Run:
        """Return the run as it stands; one whose worker died is recovered, and placed again.

        Raises:
            RunNotFoundError: No such run.
        """
        run = self.store.get(run_id)
        is_again = False
        if run.status is RunStatus.RUNNING:
            run = recover_if_abandoned(self.store, self.home, run)
            is_again = run.status is RunStatus.PENDING
        is_stale = run.status is RunStatus.PENDING and time.time() - run.created_at > _UNCLAIMED_S
        if is_again or is_stale:
            try:
                self.executor.submit(run)
            except SynapseError as error:
                end_unplaced(self.store, self.home, run, error)
                return self.store.get(run_id)
        return run

    def follow(
        self,
        run_id: str,
        *,
        timeout_s: float | None = None,
        kinds: frozenset[EventKind] | None = None,
    ) -> Iterator[Event]:
        """Yield the run's events as they come, and end with the run.

        Args:
            run_id: The run.
            timeout_s: How long to wait for its end; None for as long as it takes.
            kinds: Only these; the statuses must be among them.

        Raises:
            RunNotFoundError: No such run.
            RunTimeoutError: The time is over; the run goes on.
        """
        journals = Journals(self.home)
        until = None if timeout_s is None else time.monotonic() + timeout_s
        cursor: str | None = None
        has_ended, looked_at = False, -math.inf
        while True:
            if time.monotonic() > looked_at + _LOOK_S:
                has_ended, looked_at = self.look(run_id).status.is_terminal, time.monotonic()
            page = journals.read(run_id, after=cursor, kinds=kinds)
            cursor = page.next_cursor
            yield from page.items
            if has_ended and not page.items:
                return
            if page.items and _is_last(page.items[-1]):
                self._settle(run_id)
                return
            left_s = _LOOK_S if until is None else until - time.monotonic()
            if not has_ended and left_s <= 0:
                raise RunTimeoutError(
                    f"The run {run_id} has not ended within {timeout_s:g} s; it goes on.",
                    hint="Wait again, or stop it.",
                    run_id=run_id,
                )
            if not page.items:
                journals.wait(run_id, cursor, timeout_s=min(left_s, _LOOK_S))

    def _settle(self, run_id: str) -> None:
        """Wait until the store says what the last event said, milliseconds later."""
        pause_s = 0.001
        while not self.look(run_id).status.is_terminal and pause_s < _LOOK_S:
            time.sleep(pause_s)
            pause_s *= 2

    def wait(self, run_id: str, *, timeout_s: float | None = None) -> Run:
        """Return the run when it has ended.

        Raises:
            RunNotFoundError: No such run.
            RunTimeoutError: The time is over; the run goes on.
        """
        run = self.look(run_id)
        if run.status.is_terminal:
            return run
        for _ in self.follow(run_id, timeout_s=timeout_s, kinds=_STATUSES):
            pass
        return self.store.get(run_id)

    def wait_first(self, run_ids: Sequence[str]) -> list[Run]:
        """Wait for the end of the first of these runs; return it, and what follows it ended.

        Raises:
            RunNotFoundError: There is no such run any more.
        """
        self.wait(run_ids[0])
        stand = self.store.many.statuses(run_ids)
        ended = [*takewhile(lambda one: one in stand and stand[one].is_terminal, run_ids)]
        return [*self.store.many.get(ended)]

    def cancel(self, run_id: str, *, force: bool = False) -> Run:
        """Ask the run to stop.

        Raises:
            RunNotFoundError: No such run.
        """
        run = self.store.request_cancel(run_id, force=force)
        if run.status is RunStatus.RUNNING:
            self.executor.cancel(run)
        return run

    def close(self) -> None:
        """Close the store; runs go on."""
        if self._store is not None:
            self._store.close()
            self._store = None


def _is_last(event: Event) -> bool:
    return event.kind is EventKind.STATUS and RunStatus(str(event.data["status"])).is_terminal


def result_of(run: Run, model: type[BaseModel] | None) -> Any:  # noqa: ANN401 - whatever it returned
    """Return what an ended run returned, read back as its model; raise what it failed with.

    Raises:
        SynapseError: It failed, or was cancelled.
    """
    if run.status is RunStatus.CANCELLED:
        raise RunCancelledError(f"The run {run.id} was cancelled.", run_id=run.id)
    if run.failure is not None:
        raise_failure(run.failure, run.id)
    return run.result if model is None else conform(run.result, model)


def raise_failure(failure: RunFailure, run_id: str) -> None:
    """Raise the error that fits a failure; the traceback of the other process is a note on it.

    Raises:
        SynapseError: Always.
    """
    kinds = (getattr(errors, name) for name in errors.__all__ if name.endswith("Error"))
    kind = next((one for one in kinds if one.code == failure.code), ActionError)
    data = {"run_id": run_id, "type": failure.type}
    message = failure.message
    if kind is ActionError:
        message = f"{failure.type}: {message}"
    error: SynapseError = kind.rebuild(message, failure.hint, {**data})
    if failure.traceback:
        error.add_note(f"In the process of the run {run_id}:\n{failure.traceback}")
    raise error


def _new_run(
    subject: Subject,
    params: JSONObject,
    env: Mapping[str, str],
    resources: Resources,
    executor: str,
) -> Run:
    now = time.time()
    return Run(
        id=new_run_id(now),
        plugin=subject.plugin,
        plugin_version=subject.version,
        plugin_path=str(subject.folder),
        action=subject.action,
        entrypoint=subject.entrypoint,
        params=params,
        executor=executor,
        env={**subject.env, **env},
        timeout_s=subject.timeout_s,
        retry=subject.retry,
        resources=_overridden(subject.resources, resources),
        created_at=now,
    )


def _as_json(params: Mapping[str, object] | BaseModel | None) -> Any:  # noqa: ANN401 - checked JSON
    if params is None:
        return {}
    if isinstance(params, BaseModel):
        return params.model_dump(mode="json", by_alias=True)
    try:
        return to_jsonable_python(dict(params), by_alias=True)
    except ValueError as error:
        raise ParamsError(
            f"The params cannot be handed to another process: {error}",
            hint="Give numbers, text, lists, dicts, paths, dates, or a pydantic model.",
        ) from error


def _overridden(declared: Resources, given: Resources) -> Resources:
    changed = {
        name: value
        for name in ("cpus", "gpus", "memory_mb")
        if (value := getattr(given, name)) is not None
    }
    return replace(declared, **changed, custom={**declared.custom, **given.custom})


def home_of(given: Path | None, environ: Mapping[str, str]) -> Home:
    """Return the home that a script means."""
    return Home(given.absolute()) if given is not None else Home.locate(environ)

"""Does once in the zygote what every run would do first: import what actions use, and make a model.

A fork inherits all of it. What is done here is the same for every plugin, and is Synapse's own:
nothing of a plugin is imported, and no thread or event loop is left behind.
"""

import asyncio
import mimetypes
import os
import threading
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import metadata
from pathlib import Path

from pydantic import BaseModel, Field

from synapse_core.actions.base import BaseAction
from synapse_core.actions.decorator import action
from synapse_core.actions.definition import Action
from synapse_core.actions.invoke import invoke
from synapse_core.actions.results import result_to_json
from synapse_core.logs.redact import Redactor
from synapse_core.model.event import EventKind
from synapse_core.model.run import RunStatus
from synapse_core.runs.journal import JournalWriter
from synapse_core.runs.processes import host_name
from synapse_core.runtime.cancellation import CancelToken
from synapse_core.runtime.context import RuntimeContext
from synapse_core.runtime.env import PluginEnvironment
from synapse_core.runtime.logging_bridge import bridge_logging
from synapse_core.runtime.streams import capture_streams
from synapse_core.steps import StepRegistry
from synapse_core.types import JSONObject

__all__ = ["rehearse", "warm_up"]

_PATHS = (asyncio, mimetypes, StepRegistry)
"""Few actions need them, but those would wait for them: half of what an empty run takes."""


def warm_up() -> None:
    """Make a function and a class an action, and execute both; look what machine this is."""
    host_name()
    if _is_extended():
        # Somebody extends pydantic. It loads extensions with the first model, and what they do
        # then, such as starting a thread, is not for a process that is to be forked.
        return
    _execute(_make_actions())


def rehearse() -> None:
    """Execute an action as a run would, so that the memory this touches is the process's own.

    Most of what a fork costs is copying the pages that it touches first.
    """
    nowhere = _Nowhere()
    with capture_streams(nowhere), bridge_logging(nowhere):
        thread = threading.Thread(target=_write_nowhere, daemon=True)
        thread.start()
        thread.join()
        if not _is_extended():
            _execute([_make_small()])


def _write_nowhere() -> None:
    with JournalWriter.open(Path(os.devnull), redactor=Redactor()) as writer:
        writer.emit(EventKind.STATUS, {"status": RunStatus.RUNNING, "attempt": 1})


@cache
def _is_extended() -> bool:
    return bool(metadata.entry_points(group="pydantic"))


def _execute(actions: Iterable[Action]) -> None:
    with RuntimeContext(
        _Nowhere(),
        env=PluginEnvironment({}),
        job_id="warm-up",
        folder=Path(),  # nothing is saved
        cancel=CancelToken(),
    ) as context:
        for one in actions:
            result_to_json(invoke(one, {}, context))


def _make_small() -> Action:
    @action()
    def small(number: int = 1) -> int:
        return number

    return small


def _make_actions() -> Iterator[Action]:
    # In a function, since the first model loads what extends pydantic.
    class Params(BaseModel):
        number: int = Field(default=1, ge=0)
        fraction: float = 0.5
        text: str | None = None
        items: list[str] = Field(default_factory=list[str])

    class Result(BaseModel):
        values: dict[str, float]

    class ByClass(BaseAction[Params]):
        result_model = Result

        def execute(self) -> dict[str, object]:
            self.set_progress(1, 1)
            return {"values": {"fraction": self.params.fraction}}

    yield ByClass

    @action()
    def by_function(number: int = 1, text: str = "") -> int:
        return number + len(text)

    yield by_function


class _Nowhere:
    """Implements `EventSink`: forgets every event."""

    def emit(self, kind: EventKind, data: JSONObject) -> int:
        """Forget it."""
        del kind, data
        return 0

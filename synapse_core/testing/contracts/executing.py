"""A plugin for the contract of executors, and ways to run its actions."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from synapse_core.model.event import Event, EventKind
from synapse_core.model.run import Run, RunStatus
from synapse_core.operations.runs import StartRun, start_run, wait_run
from synapse_core.types import JSONValue
from synapse_core.workspace import Workspace

__all__ = ["PATIENCE_S", "Bench"]

PATIENCE_S = 40.0

_SOURCE = """
import asyncio
import logging
import os
import time
import warnings
from dataclasses import dataclass
from datetime import date
from enum import Enum
from pathlib import Path

from pydantic import BaseModel, Field

from synapse_core import BaseAction, RuntimeContext, action


class Params(BaseModel):
    number: int = Field(default=2, ge=0)


class Answer(BaseModel):
    doubled: int


@action(params=Params, result=Answer)
def function(params, context):
    return {"doubled": params.number * 2}


@action()
def plain(ctx: RuntimeContext, number: int = 2) -> dict:
    return {"doubled": number * 2}


@action(params=Params, result=Answer)
async def function_async(params, context):
    await asyncio.sleep(0)
    return Answer(doubled=params.number * 2)


class ByClass(BaseAction[Params]):
    action_name = "by_class"
    result_model = Answer

    def execute(self):
        return Answer(doubled=self.params.number * 2)


class ByClassAsync(BaseAction[Params]):
    action_name = "by_class_async"
    result_model = Answer

    async def execute(self):
        await asyncio.sleep(0)
        return {"doubled": self.params.number * 2}


@action(result=Answer)
def broken_promise() -> dict:
    return {"doubled": "twice"}


class Colour(Enum):
    RED = "red"


@dataclass
class Point:
    x: int
    y: float


RESULTS = {
    "none": None,
    "bool": True,
    "int": 7,
    "float": 0.5,
    "text": "snow \\N{SNOWMAN}",
    "list": [1, "a", None],
    "dict": {"a": {"b": [1]}},
    "tuple": (1, 2),
    "model": Answer(doubled=4),
    "dataclass": Point(1, 2.5),
    "enum": Colour.RED,
    "path": Path("a/b"),
    "date": date(2026, 1, 2),
}


@action()
def returns(kind: str):
    return RESULTS[kind]


@action()
def no_json():
    return object()


@action()
def reports(ctx: RuntimeContext) -> str:
    ctx.log("began", {"stage": 1})
    ctx.set_progress(1, 4, category="train")
    ctx.set_progress(4, 4, category="train")
    ctx.set_metrics({"loss": 0.25}, "train")
    ctx.log_message("half way", "warning")
    ctx.save_artifact(b"bytes", "out/file.bin")
    ctx.logger.info("through the logger")
    logging.getLogger("library").warning("through logging")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("through warnings")
    return ctx.job_id


@action()
def reads(ctx: RuntimeContext) -> str:
    return ctx.env.get_str("COLOUR", "none")


@action()
def fails(code: str = "value") -> None:
    if code == "exit":
        raise SystemExit(3)
    raise ValueError("no good")


@action()
def counts(ctx: RuntimeContext, file: str, good_from: int = 1) -> int:
    with open(file, "a") as out:
        out.write(f"{time.time()}\\n")
    with open(file) as written:
        made = len(written.readlines())
    ctx.log("made", {"attempt": made})
    if made < good_from:
        raise ConnectionError(f"attempt {made}")
    return made


@action()
def waits(ctx: RuntimeContext, seconds: float = 60) -> str:
    until = time.monotonic() + seconds
    ctx.log("ready")
    try:
        while time.monotonic() < until:
            ctx.check_cancelled()
            time.sleep(0.005)
    finally:
        ctx.log("cleaned up")
    return "waited"


@action()
def stubborn(ctx: RuntimeContext) -> None:
    import signal
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ctx.log("ready")
    while True:
        time.sleep(1)
"""

_ACTIONS = (
    "function plain function_async broken_promise returns no_json reports reads fails counts "
    "waits stubborn"
)


@dataclass(frozen=True)
class Bench:
    """Runs actions on one executor.

    Attributes:
        workspace: Offers the executor.
        executor: Its name.
        folder: Where the plugin is written; below a root of the workspace.
    """

    workspace: Workspace
    executor: str
    folder: Path

    def write_plugin(self) -> None:
        """Write the plugin, with the variable COLOUR among those of its runs."""
        self.folder.mkdir(parents=True, exist_ok=True)
        listed = "".join(f"  {name}:\n    entrypoint: bench:{name}\n" for name in _ACTIONS.split())
        classes = (
            "  by_class:\n    entrypoint: bench:ByClass\n"
            "  by_class_async:\n    entrypoint: bench:ByClassAsync\n"
        )
        head = "name: Bench\ncode: bench\nversion: 1.0.0\nenv:\n  COLOUR: red\nactions:\n"
        (self.folder / "config.yaml").write_text(head + listed + classes, encoding="utf-8")
        (self.folder / "bench.py").write_text(_SOURCE, encoding="utf-8")

    def start(
        self,
        action: str,
        *,
        timeout_s: float | None = None,
        retries: int | None = None,
        **params: JSONValue,
    ) -> Run:
        """Start a run of the action."""
        request = StartRun(
            plugin=str(self.folder),
            action=action,
            params=params,
            executor=self.executor,
            timeout_s=timeout_s,
            retries=retries,
        )
        return start_run(self.workspace, request)

    def wait(self, run: Run) -> Run:
        """Return the run when it has ended, with nothing left out."""
        ended = wait_run(self.workspace, run.id, timeout_s=PATIENCE_S)
        assert ended.status.is_terminal, f"{run.id} is {ended.status} after {PATIENCE_S} s"
        return ended

    def run(
        self,
        action: str,
        *,
        timeout_s: float | None = None,
        retries: int | None = None,
        **params: JSONValue,
    ) -> Run:
        """Run the action to its end."""
        return self.wait(self.start(action, timeout_s=timeout_s, retries=retries, **params))

    def events(self, run: Run, *kinds: EventKind) -> list[Event]:
        """Return what stands in the run's journal, of these kinds."""
        wanted = frozenset(kinds) or None
        return list(self.workspace.journals.read(run.id, limit=100_000, kinds=wanted).items)

    def statuses(self, run: Run) -> list[tuple[str, int]]:
        """Return each status the run had, with the attempt."""
        events = self.events(run, EventKind.STATUS)
        return [(str(one.data["status"]), int(str(one.data["attempt"]))) for one in events]

    def wait_for(self, run: Run, event: str) -> None:
        """Return once the run has logged this event."""
        until = time.monotonic() + PATIENCE_S
        cursor = None
        while time.monotonic() < until:
            page = self.workspace.journals.read(run.id, after=cursor)
            cursor = page.next_cursor
            if any(one.data.get("event") == event for one in page.items):
                return
            self.workspace.journals.wait(run.id, cursor, timeout_s=1.0)
        raise AssertionError(f"{run.id} did not log {event!r}")

    def wait_until(self, run: Run, is_so: Callable[[Run], bool]) -> Run:
        """Return the run once the store says of it what is waited for."""
        until = time.monotonic() + PATIENCE_S
        cursor = None
        while not is_so(found := self.workspace.runs.get(run.id)):
            assert time.monotonic() < until, found
            cursor = self.workspace.journals.tail(run.id, 1).next_cursor
            self.workspace.journals.wait(run.id, cursor, timeout_s=0.05)
        return found

    def assert_whole(self, run: Run) -> None:
        """Assert that the run's journal has no gap and exactly one end, which is last."""
        events = self.events(run)
        ends = [
            event.seq
            for event in events
            if event.kind is EventKind.STATUS and RunStatus(str(event.data["status"])).is_terminal
        ]
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert ends == [len(events)]

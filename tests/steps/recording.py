"""A run whose events are kept in a list, and steps that say what was done to them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from synapse_core.model.event import EventKind
from synapse_core.model.run import RetryPolicy
from synapse_core.runtime.cancellation import CancelToken
from synapse_core.runtime.context import RuntimeContext
from synapse_core.runtime.env import PluginEnvironment
from synapse_core.steps import BaseStep, BaseStepContext, Orchestrator, StepRegistry, StepResult
from synapse_core.types import JSONObject, JSONValue


class Recorder:
    """Implements `EventSink` with a list."""

    def __init__(self) -> None:
        self.events: list[tuple[EventKind, JSONObject]] = []

    def emit(self, kind: EventKind, data: JSONObject) -> int:
        self.events.append((kind, data))
        return len(self.events)

    def of(self, kind: EventKind) -> list[JSONObject]:
        return [data for found, data in self.events if found is kind]

    @property
    def transitions(self) -> list[str]:
        """The steps' events as `name transition`."""
        return [f"{data['name']} {data['transition']}" for data in self.of(EventKind.STEP)]

    @property
    def lines(self) -> str:
        return "\n".join(str(data["message"]) for data in self.of(EventKind.LOG))

    @property
    def checkpoints(self) -> dict[str, JSONObject]:
        """What a later attempt would be given."""
        found: dict[str, JSONObject] = {}
        for data in self.of(EventKind.CHECKPOINT):
            state = data["state"]
            assert isinstance(state, dict)
            found[str(data["name"])] = state
        return found


@dataclass
class Shared(BaseStepContext):
    """What the steps of these tests share; `did` is made anew by each process."""

    values: list[str] = field(default_factory=list[str])
    _did: list[str] = field(default_factory=list[str])

    @property
    def did(self) -> list[str]:
        return self._did


Work = Callable[[Shared], StepResult]


class Step(BaseStep[Shared]):
    """Writes down that it was executed or undone."""

    def __init__(
        self,
        name: str,
        work: Work | None = None,
        *,
        weight: float = 1.0,
        undo: Callable[[StepResult], None] | None = None,
        skip: bool = False,
        retry: RetryPolicy | int = 0,
        timeout_s: float | None = None,
    ) -> None:
        self._name = name
        self._work = work
        self._weight = weight
        self._undo = undo
        self._skip = skip
        self.retry = retry
        self.timeout_s = timeout_s

    @property
    def name(self) -> str:
        return self._name

    @property
    def progress_weight(self) -> float:
        return self._weight

    def can_skip(self, context: Shared) -> bool:  # noqa: ARG002 - the port's own
        return self._skip

    def execute(self, context: Shared) -> StepResult:
        context.did.append(self._name)
        context.values.append(self._name)
        return self._work(context) if self._work else StepResult(rollback_data={"of": self._name})

    def rollback(self, context: Shared, result: StepResult) -> None:
        context.did.append(f"undo {self._name}")
        if self._undo is not None:
            self._undo(result)


class Lasting(BaseStep[Shared]):
    """Leaves nothing to undo."""

    def __init__(self, name: str, work: Work | None = None) -> None:
        self._name = name
        self._work = work

    @property
    def name(self) -> str:
        return self._name

    @property
    def progress_weight(self) -> float:
        return 1.0

    def execute(self, context: Shared) -> StepResult:
        context.did.append(self._name)
        context.values.append(self._name)
        return self._work(context) if self._work else StepResult(data={"of": self._name})


@dataclass
class World:
    """One attempt of a run."""

    folder: Path
    checkpoints: Mapping[str, JSONObject] = field(default_factory=dict[str, JSONObject])
    sink: Recorder = field(default_factory=Recorder)
    cancel: CancelToken = field(default_factory=CancelToken)

    def __post_init__(self) -> None:
        self.runtime = RuntimeContext(
            self.sink,
            env=PluginEnvironment({}),
            job_id="20260131-120000-abcdefgh",
            folder=self.folder,
            cancel=self.cancel,
            checkpoints=self.checkpoints,
        )
        self.context = Shared(self.runtime)

    def execute(self, *steps: BaseStep[Shared], params: JSONValue = "{}") -> JSONObject:
        return self.orchestrator(*steps, params=params).execute()

    def orchestrator(
        self,
        *steps: BaseStep[Shared],
        progress_callback: Callable[[int, int], None] | None = None,
        params: JSONValue = None,
    ) -> Orchestrator[Shared]:
        registry = StepRegistry[Shared]()
        for step in steps:
            registry.register(step)
        return Orchestrator(registry, self.context, progress_callback, params=params)

    def next_attempt(self) -> "World":
        """Return an attempt that is given what this one has saved."""
        return World(self.folder, {**self.checkpoints, **self.sink.checkpoints})


def fail(error: BaseException) -> Work:
    """Return the work of a step that raises."""

    def work(_context: Shared) -> StepResult:
        raise error

    return work

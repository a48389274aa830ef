"""One execution of an action, and what can be asked about it."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

from synapse_core.types import JSONObject, JSONValue

__all__ = [
    "ArtifactInfo",
    "Frame",
    "Outcome",
    "Page",
    "Progress",
    "Resources",
    "RetryPolicy",
    "Run",
    "RunEnd",
    "RunFailure",
    "RunFilter",
    "RunKind",
    "RunStatus",
    "RunSummary",
    "WorkerId",
]


T = TypeVar("T")


class RunKind(StrEnum):
    """What a run executes."""

    ACTION = "action"
    PIPELINE = "pipeline"
    """A graph of actions; each of its nodes is a run of its own that names it as its parent."""


class RunStatus(StrEnum):
    """Where a run stands. A pipeline node may also be `skipped`."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"

    @property
    def is_terminal(self) -> bool:
        """Whether the run has ended and will never change again."""
        return self not in {RunStatus.PENDING, RunStatus.RUNNING}


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a failed attempt is repeated.

    Attributes:
        retries: Attempts after the first one.
        backoff_s: Seconds before the second attempt.
        factor: Each further wait is this many times the one before.
        max_backoff_s: No wait is longer, in seconds.
    """

    retries: int = 0
    backoff_s: float = 1.0
    factor: float = 2.0
    max_backoff_s: float = 60.0

    def wait_s(self, failed_attempt: int) -> float | None:
        """Return the seconds to wait after attempt `failed_attempt` (from 1); None to give up."""
        if failed_attempt > self.retries:
            return None
        return min(self.backoff_s * self.factor ** (failed_attempt - 1), self.max_backoff_s)


@dataclass(frozen=True, slots=True)
class Resources:
    """What a run may use.

    Attributes:
        cpus: CPU cores, possibly a fraction; None leaves the choice to the executor.
        gpus: GPUs, possibly a fraction.
        memory_mb: Ceiling on the process's address space growth, in MiB; None for no ceiling.
        custom: What nodes of a cluster claim by other names; elsewhere it is passed over.
    """

    cpus: float | None = None
    gpus: float | None = None
    memory_mb: int | None = None
    custom: dict[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True, slots=True)
class WorkerId:
    """A process on a host, told apart from a later process of the same number.

    Attributes:
        host: Name of the machine and its boot, so that a reboot makes a new host.
        pid: Process id on that host.
        started: Start time of the process in the kernel's own unit.
    """

    host: str
    pid: int
    started: int

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}:{self.started}"

    @classmethod
    def parse(cls, text: str) -> "WorkerId":
        """Read what `str()` wrote.

        Raises:
            ValueError: `text` is not a worker id.
        """
        host, pid, started = text.rsplit(":", 2)
        return cls(host, int(pid), int(started))


@dataclass(frozen=True, slots=True)
class Frame:
    """A place in somebody's source code."""

    file: str
    line: int
    function: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class RunFailure:
    """Why a run or an attempt failed.

    Attributes:
        type: Name of the exception class.
        message: Its text.
        code: Stable code of the Synapse error that describes it.
        hint: What to do next; may be empty.
        where: The last frame in the plugin's own code, if any.
        traceback: The whole traceback, as Python prints it; may be empty.
    """

    type: str
    message: str
    code: str = "action_failed"
    hint: str = ""
    where: Frame | None = None
    traceback: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """The latest progress of one category."""

    category: str
    current: float
    total: float
    percent: float
    rate: float | None = None
    eta_s: float | None = None
    time: float = 0.0


@dataclass(frozen=True, slots=True)
class ArtifactInfo:
    """A file saved by a run.

    Attributes:
        name: Its name within the run, with `/` between folders.
        path: Where it lies, relative to the run's folder.
        size_bytes: Its size.
        sha256: Hex digest of its content.
        media_type: Its IANA media type.
    """

    name: str
    path: str
    size_bytes: int
    sha256: str
    media_type: str = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run's journal folded up to one position.

    Attributes:
        seq: The last event counted; 0 for none.
        offset: Byte position in the journal after that event.
        progress: Latest progress by category, in order of appearance.
        metrics: Latest values by category.
        steps: Latest transition of each step, in order of appearance.
        artifacts: Saved files by name; saving again replaces.
        last_message: Latest text shown to the person who started the run.
        log_lines: Number of entries of the log, as it is shown: what the action said, its steps,
            statuses and error.
        warnings: Lines that the action logged with level warning.
        errors: Lines that it logged with level error or critical.
    """

    seq: int = 0
    offset: int = 0
    progress: dict[str, Progress] = field(default_factory=dict[str, Progress])
    metrics: dict[str, JSONObject] = field(default_factory=dict[str, JSONObject])
    steps: dict[str, str] = field(default_factory=dict[str, str])
    artifacts: dict[str, ArtifactInfo] = field(default_factory=dict[str, ArtifactInfo])
    last_message: str = ""
    log_lines: int = 0
    warnings: int = 0
    errors: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One execution of an action. Times are Unix seconds.

    Attributes:
        id: Sortable by creation: `YYYYMMDD-HHMMSS-xxxxxxxx`.
        plugin: Code of the plugin.
        plugin_version: Its version when the run was created.
        plugin_path: Absolute path of the plugin's folder.
        action: Name of the action.
        entrypoint: `module:attribute` of the action.
        params: Params as given by the caller.
        executor: Name of the executor that places it.
        env: Plain variables for the worker, besides the allow-listed ones.
        timeout_s: Seconds one attempt may take; None for no limit.
        retry: How failed attempts are repeated.
        resources: What the run may use.
        attempt: Number of the current attempt, from 1; 0 before the first.
        owner: The worker that holds the lease, as text.
        lease_expires_at: When the owner's claim lapses unless extended.
        cancel_requested_at: When somebody asked to stop it.
        cancel_force: Whether to kill without asking.
        rerun_of: The run this one repeats.
        resume: Whether it goes on from the checkpoints of the run it repeats.
        idempotency_key: A second creation with the same key returns this run.
        kind: What it executes.
        parent_id: The pipeline run of which this is a node; None for a run that stands alone.
        node: Key of the node within that pipeline run, such as `train` or `score[3]`.
        code: Digest of the source that a node executes, as it was when it was created; empty for a
            run that stands alone.
        result: What the action returned, as JSON.
        failure: Why it failed, when it did.
        summary: The journal folded at the last heartbeat or at the end.
    """

    id: str
    plugin: str
    action: str
    entrypoint: str
    plugin_path: str
    plugin_version: str = ""
    params: JSONObject = field(default_factory=dict[str, JSONValue])
    status: RunStatus = RunStatus.PENDING
    executor: str = "process"
    env: dict[str, str] = field(default_factory=dict[str, str])
    timeout_s: float | None = None
    retry: RetryPolicy = RetryPolicy()
    resources: Resources = Resources()
    attempt: int = 0
    owner: str | None = None
    lease_expires_at: float | None = None
    cancel_requested_at: float | None = None
    cancel_force: bool = False
    created_at: float
    started_at: float | None = None
    finished_at: float | None = None
    rerun_of: str | None = None
    resume: bool = False
    idempotency_key: str | None = None
    kind: RunKind = RunKind.ACTION
    parent_id: str | None = None
    node: str = ""
    code: str = ""
    result: JSONValue = None
    failure: RunFailure | None = None
    summary: RunSummary = RunSummary()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended: a terminal status, and the result or the failure that goes with it."""

    status: RunStatus
    result: JSONValue = None
    failure: RunFailure | None = None


@dataclass(frozen=True, slots=True)
class RunEnd:
    """The end of one run, to be recorded.

    Attributes:
        run_id: The run.
        outcome: How it ended.
        summary: Its journal, folded to the end.
        started_at: When it began, if it was claimed ahead; Unix time in seconds.
    """

    run_id: str
    outcome: Outcome
    summary: RunSummary
    started_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """Which runs to list; every given field must match.

    Attributes:
        statuses: Any of these.
        plugin: Code of the plugin.
        action: Name of the action.
        since: Created at or after this Unix time.
        until: Created before this Unix time.
        parent_id: Nodes of this pipeline run; None for runs that stand alone.
    """

    statuses: frozenset[RunStatus] = frozenset()
    plugin: str | None = None
    action: str | None = None
    since: float | None = None
    until: float | None = None
    parent_id: str | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list; `next_cursor` is None on the last one."""

    items: tuple[T, ...]
    next_cursor: str | None = None

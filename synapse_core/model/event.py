"""Past facts in a run's ordered log."""

from dataclasses import dataclass
from enum import StrEnum

from synapse_core.types import JSONObject

__all__ = ["LOG_KINDS", "Event", "EventKind", "LogLevel", "LogSource"]


class EventKind(StrEnum):
    """What an event tells, and which keys its `data` has.

    Every kind may gain keys; none loses one.
    """

    LOG = "log"
    """A line of text: `level`, `message`, `source`; `event` and `fields` for structured logs;
    `offset` (byte position after the line) for captured output; `more` when the line goes on
    in the next event."""
    MESSAGE = "message"
    """A sentence for the person who started the run: `level`, `message`."""
    PROGRESS = "progress"
    """`category`, `current`, `total`, `percent` (0 to 100), `rate` (units per second or null),
    `eta_s` (seconds or null)."""
    METRICS = "metrics"
    """`category`, `values` (name to number, string or boolean)."""
    ARTIFACT = "artifact"
    """A file saved: `name`, `path` (relative to the run's folder), `size_bytes`, `sha256`,
    `media_type`."""
    CHECKPOINT = "checkpoint"
    """A saved position to resume from: `name`, `state`."""
    STEP = "step"
    """Of an action's step or a pipeline's node: `name`, `transition` (started, succeeded, failed,
    cancelled, skipped, resumed, retried, rolled_back, rollback_failed), `attempt`, `duration_s`,
    `error`; `reason` and `run_id` for a node."""
    OUTPUT = "output"
    """The result of the attempt: `result`. Written before the attempt's process ends."""
    ERROR = "error"
    """Why the attempt failed: the fields of `RunFailure`."""
    STATUS = "status"
    """`status`, `attempt`; `reason` where there is one, and `failure` (the fields of `RunFailure`)
    with `failed`. A terminal status is the last event."""


LOG_KINDS = frozenset(
    {EventKind.LOG, EventKind.MESSAGE, EventKind.ERROR, EventKind.STATUS, EventKind.STEP}
)
"""Kinds shown as lines when a run's log is read."""


class LogLevel(StrEnum):
    """Weight of a log line, lightest first."""

    DEBUG = "debug"
    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"

    @property
    def weight(self) -> int:
        """Position from 0 (debug) to 5 (critical), for `at least this level`."""
        return _WEIGHTS[self]


_WEIGHTS = {level: weight for weight, level in enumerate(LogLevel)}


class LogSource(StrEnum):
    """Where a log line came from."""

    ACTION = "action"
    LOGGING = "logging"
    WARNINGS = "warnings"
    STDOUT = "stdout"
    STDERR = "stderr"
    OUTPUT = "output"
    """Written straight to file descriptor 1 or 2, by C code or a child process."""
    DEVELOPER = "developer"
    WORKER = "worker"


@dataclass(frozen=True, slots=True)
class Event:
    """One fact in a run's log.

    Attributes:
        seq: Position in the run, from 1, without gaps.
        time: Unix time in seconds.
        kind: What the event tells.
        data: Its facts; `EventKind` names the keys.
    """

    seq: int
    time: float
    kind: EventKind
    data: JSONObject

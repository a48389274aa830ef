"""What a step returns."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

__all__ = ["StepResult"]


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class StepResult:
    """How a step ended.

    Attributes:
        success: Whether it did what it is for; False fails the action like an exception does.
        data: What later steps may want to know. JSON values survive a crash of the worker.
        error: Why it failed, in words.
        rollback_data: What its `rollback` needs to undo it; JSON values survive a crash.
        skipped: Whether it was passed over; set by the orchestrator.
        timestamp: When it ended, in UTC.
    """

    success: bool = True
    data: dict[str, Any] = field(default_factory=dict[str, Any])
    error: str | None = None
    rollback_data: dict[str, Any] = field(default_factory=dict[str, Any])
    skipped: bool = False
    timestamp: datetime = field(default_factory=_now)

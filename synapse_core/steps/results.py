"""What a step returns."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

__all__ = ["StepResult"]


def _now() -> datetime:
    return datetime.now(UTC)


def _nothing() -> dict[str, Any]:
    return {}  # to call `dict[str, Any]` takes five times as long


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
    data: dict[str, Any] = field(default_factory=_nothing)
    error: str | None = None
    rollback_data: dict[str, Any] = field(default_factory=_nothing)
    skipped: bool = False
    timestamp: datetime = field(default_factory=_now)

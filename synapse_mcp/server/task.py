"""What a task is, and where tasks come from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from mcp.types import CallToolResult, ErrorData, InputRequest

from synapse_mcp.results.runs import utc
from synapse_mcp.server.opening import Context

__all__ = ["Task", "TaskSource", "TaskStatus"]

_TTL_MS = 7 * 24 * 3600 * 1000
"""How long a client may count on a task."""

_POLL_MS = 1000


class TaskStatus(StrEnum):
    """How far a task is."""

    WORKING = "working"
    INPUT_REQUIRED = "input_required"
    COMPLETED = "completed"
    """The tool has answered, be it with an error."""
    FAILED = "failed"
    """The protocol broke; no tool has answered."""
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A tool that goes on after its call was answered.

    Attributes:
        handle: What a client names it by; cannot be guessed.
        status: How far it is.
        message: The same in words.
        created_at: Seconds since the epoch.
        updated_at: Seconds since the epoch.
        result: What the tool answered, once it has.
        error: Why there will be no answer.
        questions: What the client must answer before it goes on.
    """

    handle: str
    status: TaskStatus
    message: str
    created_at: float
    updated_at: float
    result: CallToolResult | None = None
    error: ErrorData | None = None
    questions: Mapping[str, InputRequest] = field(default_factory=dict[str, InputRequest])

    def created(self) -> dict[str, Any]:
        """Return the result of the call that made it."""
        return {**self._fields(), "resultType": "task"}

    def detail(self) -> dict[str, Any]:
        """Return what `tasks/get` tells."""
        told = self._fields()
        if self.result is not None:
            told["result"] = _on_wire(self.result)
        if self.error is not None:
            told["error"] = _on_wire(self.error)
        if self.questions:
            told["inputRequests"] = {
                key: _on_wire(question) for key, question in self.questions.items()
            }
        return told

    def _fields(self) -> dict[str, Any]:
        return {
            "taskId": self.handle,
            "status": self.status.value,
            "statusMessage": self.message,
            "createdAt": utc(self.created_at),
            "lastUpdatedAt": utc(self.updated_at),
            "ttlMs": _TTL_MS,
            "pollIntervalMs": _POLL_MS,
        }


class TaskSource(Protocol):
    """Where tasks of one kind come from. The server ships one, for which runs are tasks."""

    async def find(self, context: Context, handle: str) -> Task | None:
        """Return the task as it is now; None when the handle is of none of this source."""
        ...

    async def answer(self, context: Context, task: Task, answers: Mapping[str, Any]) -> None:
        """Take answers to questions of the task; those to no question are ignored."""
        ...

    async def cancel(self, context: Context, task: Task) -> None:
        """Stop the task; does nothing when it has ended."""
        ...


def _on_wire(value: CallToolResult | ErrorData | InputRequest) -> dict[str, Any]:
    return value.model_dump(by_alias=True, mode="json", exclude_none=True)

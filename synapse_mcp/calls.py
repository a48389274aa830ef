"""What the code behind a tool, a resource or a prompt may use."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

import anyio
import anyio.to_thread

from synapse_core.config.home import Home
from synapse_core.errors import SynapseError
from synapse_core.logs.redact import Redactor
from synapse_core.workspace import Workspace
from synapse_mcp.settings import Settings

__all__ = ["Call", "Client", "Consent", "QuestionPending"]

T = TypeVar("T")


class Consent(StrEnum):
    """What a person said to a question."""

    YES = "yes"
    NO = "no"
    DISMISSED = "dismissed"


class QuestionPending(Exception):  # noqa: N818 (no error: the request goes on with the answer)
    """The client must answer a question and repeat its request (protocol 2026-07-28)."""


class Client(Protocol):
    """The other end of one request."""

    async def report(self, done: float, total: float, message: str) -> None:
        """Tell how far the request has come; does nothing if the client did not ask for that."""
        ...

    @property
    def can_ask(self) -> bool:
        """Whether the client can put a question to its user."""
        ...

    async def ask(self, question: str) -> Consent:
        """Put a yes-or-no question to the client's user and return the answer.

        On protocol 2026-07-28 the request ends here and the client repeats it with the answer, so
        everything before this call must be safe to do twice.

        Raises:
            QuestionPending: The request ends here; the answer comes with its repetition.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request: what it works on, under which settings, and for whom.

    Attributes:
        opened: The workspace, or why it could not be opened.
        home: Where things are kept; None when that cannot be told.
        environ: Variables of the server.
        redactor: Hides what the server keeps secret.
        settings: How the server was started.
        tools: Names of the tools that this server offers.
        client: Who asked.
        threads: Bounds the blocking operations that run at once.
        looks: Bounds those that take about a millisecond.
        waits: Bounds those that mainly wait.
    """

    opened: Workspace | SynapseError
    home: Home | None
    environ: Mapping[str, str]
    redactor: Redactor
    settings: Settings
    tools: frozenset[str]
    client: Client
    threads: anyio.CapacityLimiter
    looks: anyio.CapacityLimiter
    waits: anyio.CapacityLimiter

    @property
    def workspace(self) -> Workspace:
        """Where the operations work.

        Raises:
            SynapseError: It could not be opened.
        """
        if isinstance(self.opened, SynapseError):
            raise self.opened
        return self.opened

    async def blocking(self, work: Callable[[], T]) -> T:
        """Run `work` in a thread and return what it returns.

        When the request is cancelled meanwhile, this ends at once; the thread finishes on its own.
        """
        return await anyio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=self.threads)

    async def looking(self, work: Callable[[], T]) -> T:
        """Do the same with `work` that takes about a millisecond."""
        return await anyio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=self.looks)

    async def waiting(self, work: Callable[[], T]) -> T:
        """Do the same with `work` that mainly waits, and shall keep nobody else waiting."""
        return await anyio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=self.waits)

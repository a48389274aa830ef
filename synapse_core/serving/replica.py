"""One replica: answers requests by a process that holds the action, and replaces that process.

It knows nothing of Ray; what batches requests and keeps models is given to it. It runs on one event
loop.
"""

import asyncio
import itertools
import logging
import os
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from synapse_core.errors import (
    RunTimeoutError,
    StorageError,
    SynapseError,
    WorkerLostError,
)
from synapse_core.logs.redact import Redactor
from synapse_core.model.event import LogLevel, LogSource
from synapse_core.runs.processes import this_worker
from synapse_core.serving.held import Command, HeldAction, HeldAnswer
from synapse_core.serving.inflow import AnswerParts
from synapse_core.serving.log_files import LogWriter
from synapse_core.serving.problems import Refusal
from synapse_core.serving.release import Release
from synapse_core.serving.reports import (
    ReplicaState,
    Report,
    remove_old_reports,
    remove_report,
    write_report,
)
from synapse_core.serving.shelf import Shelf
from synapse_core.types import JSONValue

__all__ = ["Answer", "Prepare", "Replica"]

Answer: TypeAlias = "tuple[int, JSONValue | AsyncGenerator[JSONValue]]"
"""Status code and document; or the parts of an answer, which whoever takes them closes."""

Say = Callable[[str], None]
Prepare = Callable[[Release, Say], Command]
"""Returns how to start the process for a release; installs what that needs, which it tells."""

_DRAIN_EXTRA_S = 1.0
_MOST_PARTS_S = 3600.0
"""How long an update leaves the process before to those that still take parts of its answers."""

_PAUSES_S = (0.0, 1.0, 5.0, 15.0)
"""Before the process is started again that ended by itself; the last one for all later times."""

_LOOK_S = 0.5
"""Between two looks at which release is wanted."""

_GIVE_UP_AFTER_S = 60.0
"""A replica that has not answered for so long is reported as unhealthy, and replaced."""

_FAULTS = 500
"""From this status code on, an answer counts as failed."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Replica:
    """Serves one deployment.

    Attributes:
        shelf: Where deployments are kept.
        name: Name of the deployment.
        id: Its own.
        prepare: Tells how to start a process.
    """

    shelf: Shelf
    name: str
    id: str
    prepare: Prepare
    release: Release | None = None
    _held: HeldAction | None = None
    _leaving: HeldAction | None = None
    _log: LogWriter = field(init=False)
    _report: Report = field(init=False)
    _starting: asyncio.Lock = field(default_factory=asyncio.Lock)
    _is_up: asyncio.Event = field(default_factory=asyncio.Event)
    _is_closing: bool = False
    _down_since: float = field(default_factory=time.monotonic)
    _duties: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    def __post_init__(self) -> None:
        self._log = LogWriter(self.shelf.logs(self.name), self.id, Redactor())
        self._report = Report(
            replica=self.id, state=ReplicaState.STARTING, worker=str(this_worker())
        )
        self._tell()

    @property
    def description(self) -> dict[str, JSONValue]:
        """What the action is; empty until it is ready."""
        return self._held.description if self._held is not None else {}

    @property
    def is_ready(self) -> bool:
        """Whether requests are answered at once."""
        return self._is_up.is_set()

    async def follow(self) -> None:
        """Serve whatever release is wanted, from now until it is closed.

        Raises:
            SynapseError: There is nothing that can be served.
        """
        wanted = self.shelf.get(self.name).release
        await self._serve(wanted)
        self._keep(self._notice_wishes(wanted))

    async def _notice_wishes(self, known: int) -> None:
        while True:
            await asyncio.sleep(_LOOK_S)
            try:
                deployment = self.shelf.find(self.name)
            except SynapseError:  # it cannot be read just now
                _log.warning("Cannot look what is wanted", exc_info=True)
                continue
            if deployment is not None and deployment.release != known:
                known = deployment.release
                await self._serve(known)

    async def _serve(self, number: int) -> None:
        """Serve a release.

        The first one is waited for; when it does not start, the last one that did takes its place,
        and when there is none, the error is raised. A later one is started beside the one that
        answers, which goes on when the new one does not start.

        Raises:
            SynapseError: There is nothing that can be served.
        """
        self._tell(wanted=number, error="")
        if self._held is None:
            await self._begin(number)
        elif self.release is None or number != self.release.number:
            self._keep(self._change_over(number))

    async def answer(self, model_id: str, bodies: Sequence[JSONValue]) -> list[Answer]:
        """Return the answer to each request; waits while no process is ready.

        Raises:
            RunTimeoutError: It took too long; the process is replaced.
            WorkerLostError: The process ended meanwhile.
        """
        release = self.release
        timeout_s = release.settings.timeout_s if release is not None else _GIVE_UP_AFTER_S
        held: HeldAction | None = None
        try:
            async with asyncio.timeout(timeout_s):
                held = await self._when_up()
                answers = await held.answer(model_id, bodies)
        except TimeoutError:
            self._replace(held)
            self._count(len(bodies), len(bodies))
            raise _took_too_long("The answer", timeout_s) from None
        except WorkerLostError:
            self._count(len(bodies), len(bodies))
            raise
        return [self._note(held, one, timeout_s) for one in answers]

    def _note(self, held: HeldAction, answer: HeldAnswer, timeout_s: float) -> Answer:
        status, document = answer
        if isinstance(document, AnswerParts):
            return status, self._take_parts(held, document, timeout_s)
        self._count(1, status >= _FAULTS)
        return status, document

    async def _take_parts(
        self, held: HeldAction, parts: AnswerParts, timeout_s: float
    ) -> AsyncGenerator[JSONValue]:
        """Yield the parts of an answer, each of which may take as long as a whole answer.

        Raises:
            Refusal: The action failed.
            RunTimeoutError: A part took too long; the process is replaced.
            WorkerLostError: The process ended meanwhile.
        """
        has_failed = True
        try:
            while True:
                try:
                    async with asyncio.timeout(timeout_s):
                        part = await anext(parts)
                except StopAsyncIteration:
                    has_failed = False
                    return
                except TimeoutError:
                    self._replace(held)
                    raise _took_too_long("A part of the answer", timeout_s) from None
                yield part
        except (asyncio.CancelledError, GeneratorExit):  # the client has left
            has_failed = False
            raise
        except Refusal as refusal:
            has_failed = refusal.status >= _FAULTS
            raise
        finally:
            parts.stop()
            self._count(1, has_failed)

    async def load(self, model_id: str) -> tuple[int, JSONValue]:
        """Have a model loaded; returns status 200, or status and document of why not."""
        held = await self._when_up()
        return await held.load(model_id)

    def unload(self, model_id: str) -> None:
        """Have a model unloaded."""
        if self._held is not None:
            self._held.unload(model_id)

    def check_health(self) -> None:
        """Tell how it is, and that it is still there.

        Raises:
            WorkerLostError: It has not been able to answer for long.
        """
        self._tell()
        if not self.is_ready and time.monotonic() - self._down_since > _GIVE_UP_AFTER_S:
            raise WorkerLostError(self._report.error or "The action does not start again.")

    async def close(self) -> None:
        """End the process once it has answered everybody."""
        self._is_closing = True
        duties = tuple(self._duties)
        for duty in duties:
            duty.cancel()
        await asyncio.gather(*duties, return_exceptions=True)
        if self._held is not None:
            await self._held.close(drain_s=self._drain_s())
        self._log.close()
        if self._report.state is not ReplicaState.FAILED:  # that tells why nothing answers
            remove_report(self.shelf.replicas(self.name), self.id)

    def kill(self) -> None:
        """End the process at once."""
        if self._held is not None:
            self._held.kill()

    async def _begin(self, number: int) -> None:
        try:
            await self._start(number)
        except SynapseError as error:
            self._tell(state=ReplicaState.FAILED, error=str(error))
            proven = self.shelf.proven(self.name)
            if proven in {0, number}:
                raise
            self._say(LogLevel.WARNING, f"Release {number} does not start; {proven} serves on.")
            try:
                await self._start(proven)
            except SynapseError:
                self._tell(state=ReplicaState.FAILED, error=str(error))
                raise
            self._tell(error=str(error))

    def _replace(self, held: HeldAction | None) -> None:
        """Have another process take over from one that is held up, and would hold up others."""
        if held is None or held is not self._held or held is self._leaving or self.release is None:
            return
        self._leaving = held
        self._keep(self._change_over(self.release.number, instead_of=held))

    async def _change_over(self, number: int, *, instead_of: HeldAction | None = None) -> None:
        """Let another process take the place of the one that answers, without a pause."""
        try:
            before = await self._start(number, instead_of=instead_of)
        except SynapseError as error:
            self._say(LogLevel.ERROR, f"Release {number} does not start: {error}")
            self._tell(error=str(error))
            return
        if before is not None:
            try:
                await before.close(drain_s=self._drain_s(), parts_s=_MOST_PARTS_S)
            except asyncio.CancelledError:  # the replica is closing
                await before.end()
                raise

    async def _start(
        self, number: int, *, instead_of: HeldAction | None = None
    ) -> HeldAction | None:
        """Start a process, and let it answer from now on; return the one that did before.

        Args:
            number: The release.
            instead_of: Do nothing if another one has taken the place of this meanwhile.
        """
        async with self._starting:
            if instead_of is not None and self._held is not instead_of:
                return None
            release = self.shelf.release(self.name, number)
            self._log.redactor = Redactor.for_environment({**os.environ, **release.env})
            what = f"{release.plugin}/{release.action} {release.version}"
            self._say(LogLevel.INFO, f"Starting release {number}: {what}")
            command = await asyncio.to_thread(self.prepare, release, self._say_installing)
            held = await HeldAction.start(
                command,
                self._order(release),
                self._log.write,
                timeout_s=release.settings.start_timeout_s,
            )
            if self._is_closing:
                await held.end()
                raise WorkerLostError("The replica is closing.")
            before, self._held, self.release = self._held, held, release
            self._is_up.set()
            self._keep(self._look_after(held))
        self._say(LogLevel.INFO, f"Release {number} is ready")
        # What was wanted instead and did not start is still wrong.
        error = "" if number == self._report.wanted else self._report.error
        self._tell(state=ReplicaState.READY, release=number, pid=held.pid, error=error)
        self._remember(number)
        return before

    def _remember(self, number: int) -> None:
        """Tell replicas that start later what works."""
        try:
            self.shelf.prove(self.name, number)
            remove_old_reports(self.shelf.replicas(self.name))
        except OSError:  # StorageError is one, too: a full disk must not end what answers
            _log.warning("Cannot remember that release %d works", number, exc_info=True)

    def _order(self, release: Release) -> dict[str, JSONValue]:
        return {
            "folder": release.folder,
            "entrypoint": release.entrypoint,
            "concurrency": release.settings.concurrency,
            "memory_mb": release.memory_mb,
            "work": str(self.shelf.place(self.name) / "work" / self.id),
            "name": self.name,
        }

    async def _look_after(self, held: HeldAction) -> None:
        """Start another process when this one ends by itself."""
        await held.ended.wait()
        await held.end()
        if held is not self._held or self._is_closing or self.release is None:
            return
        self._is_up.clear()
        self._down_since = time.monotonic()
        restarts = self._report.restarts + 1
        self._tell(state=ReplicaState.RESTARTING, restarts=restarts, pid=0, release=0)
        self._say(LogLevel.ERROR, "The process of the action has ended; another one starts")
        number = self.release.number
        for attempt in itertools.count():
            await asyncio.sleep(_PAUSES_S[min(attempt, len(_PAUSES_S) - 1)])
            try:
                await self._start(number, instead_of=held)
            except SynapseError as error:
                self._say(LogLevel.ERROR, f"It does not start: {error}")
                if self._held is held:  # else another release has started meanwhile
                    self._tell(state=ReplicaState.RESTARTING, error=str(error))
            else:
                return

    async def _when_up(self) -> HeldAction:
        """Return the process that answers; waits for it while there is none."""
        while True:
            await self._is_up.wait()
            if self._held is not None and self._held.is_alive:
                return self._held
            await asyncio.sleep(0.01)  # it has just ended, which is being noticed

    def _drain_s(self) -> float:
        settings = self.release.settings if self.release is not None else None
        return (settings.timeout_s if settings is not None else 0.0) + _DRAIN_EXTRA_S

    def _say(self, level: LogLevel, message: str) -> None:
        self._log.write(level, LogSource.WORKER, message)

    def _say_installing(self, message: str) -> None:
        self._say(LogLevel.INFO, message)

    def _count(self, answered: int, failed: int) -> None:
        self._report = replace(
            self._report,
            answered=self._report.answered + answered,
            failed=self._report.failed + failed,
        )

    def _tell(self, **changes: Any) -> None:  # noqa: ANN401 - fields of a report
        self._report = replace(self._report, at=time.time(), **changes)
        try:
            write_report(self.shelf.replicas(self.name), self._report)
        except StorageError:  # a full disk must not end what still answers
            _log.warning("Cannot tell how the replica is", exc_info=True)

    def _keep(self, duty: Awaitable[None]) -> None:
        task = asyncio.ensure_future(duty)
        self._duties.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._duties.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("A duty of the replica failed", exc_info=error)


def _took_too_long(what: str, timeout_s: float) -> RunTimeoutError:
    return RunTimeoutError(
        f"{what} took longer than {timeout_s:g} s.",
        hint="Raise `serve.timeout` in config.yaml, or send less at once.",
    )

"""The process that holds an action, as its replica sees it."""

import asyncio
import contextlib
import json
import os
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

from synapse_core.errors import ActionLoadError, RunTimeoutError, WorkerLostError
from synapse_core.model.event import EventKind, LogLevel, LogSource
from synapse_core.serving.frames import pack, read_frame_async
from synapse_core.serving.inflow import AnswerParts, Inflow
from synapse_core.types import JSONObject, JSONValue

__all__ = ["Command", "HeldAction", "HeldAnswer", "Say"]

Say = Callable[[LogLevel, LogSource, str], None]
"""Takes a line for the log."""

HeldAnswer: TypeAlias = "tuple[int, JSONValue | AnswerParts]"
"""Status code and document; or an answer that is said part by part."""

_MAX_OUTPUT_LINE = 1 << 16
_LOGGED = {EventKind.LOG.value, EventKind.MESSAGE.value}
_CLOSE_S = 5.0


@dataclass(frozen=True, slots=True)
class Command:
    """How the process is started.

    Attributes:
        python: Its interpreter.
        environ: All its variables.
    """

    python: str
    environ: Mapping[str, str]


class HeldAction:
    """One process that holds an action. Used on one event loop; made by `start`."""

    def __init__(
        self, process: asyncio.subprocess.Process, writer: asyncio.StreamWriter, say: Say
    ) -> None:
        self.description: JSONObject = {}
        self.ended = asyncio.Event()
        self._process = process
        self._writer = writer
        self._say = say
        self._waiting: dict[int, asyncio.Future[list[HeldAnswer]]] = {}
        self._flows: dict[tuple[int, int], Inflow] = {}
        self._is_idle = asyncio.Event()
        self._count = 0
        self._given_up: set[int] = set()
        self._ready: asyncio.Future[JSONObject] = asyncio.get_running_loop().create_future()
        self._duties: list[asyncio.Task[None]] = []

    @classmethod
    async def start(
        cls, command: Command, order: JSONObject, say: Say, *, timeout_s: float
    ) -> "HeldAction":
        """Start a process and return when it is ready to answer.

        Args:
            command: How to start it.
            order: The first frame, as `host` tells.
            say: Takes what it says.
            timeout_s: Seconds until it must be ready.

        Raises:
            ActionLoadError: The action cannot be imported, or does not get ready.
            RunTimeoutError: It took too long.
            WorkerLostError: The process ended before that.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                command.python,
                "-P",
                "-m",
                "synapse_core.serving.host",
                str(theirs.fileno()),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env=dict(command.environ),
                cwd="/",
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
                limit=_MAX_OUTPUT_LINE,
            )
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        held = cls(process, writer, say)
        held._duties = [
            asyncio.create_task(held._read_frames(reader)),
            asyncio.create_task(held._read_output()),
        ]
        try:
            writer.write(pack(order))
            held.description = await asyncio.wait_for(held._ready, timeout_s)
        except TimeoutError:
            await held.end()
            raise RunTimeoutError(
                f"The action was not ready to answer within {timeout_s:g} s.",
                hint="Raise `serve.start_timeout` in config.yaml, or let it load less.",
            ) from None
        except BaseException:
            await held.end()
            raise
        return held

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked."""
        return not self.ended.is_set()

    @property
    def is_busy(self) -> bool:
        """Whether somebody waits for an answer, or takes the parts of one."""
        return bool(self._waiting or self._flows)

    async def answer(self, model_id: str, bodies: Sequence[JSONValue]) -> list[HeldAnswer]:
        """Return the answer to each request.

        Raises:
            WorkerLostError: The process ended before it answered.
        """
        return await self._ask({"op": "answer", "model": model_id, "bodies": list(bodies)})

    async def load(self, model_id: str) -> tuple[int, JSONValue]:
        """Load a model; returns status 200, or status and document of why not.

        Raises:
            WorkerLostError: The process ended before it answered.
        """
        status, document = (await self._ask({"op": "load", "model": model_id}))[0]
        return status, cast("JSONValue", document)  # nothing is said part by part here

    def unload(self, model_id: str) -> None:
        """Have a model unloaded; does not wait for that."""
        if self.is_alive:
            self._writer.write(pack({"op": "unload", "model": model_id}))

    async def close(self, *, drain_s: float, parts_s: float = 0.0) -> None:
        """End it once it has answered everybody, or the time is over.

        Args:
            drain_s: Seconds that answers may take.
            parts_s: Seconds more for those that are said part by part.
        """
        await self._wait_until_idle(drain_s)
        if not self._waiting:
            await self._wait_until_idle(parts_s)
        if self.is_alive and not self._given_up:
            self._writer.write(pack({"op": "close"}))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.ended.wait(), _CLOSE_S)
        await self.end()

    async def _wait_until_idle(self, patience_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                while self.is_busy and self.is_alive:
                    self._is_idle.clear()
                    await self._is_idle.wait()

    async def end(self) -> None:
        """End it at once, and return when it is gone."""
        self.kill()
        await asyncio.gather(*self._duties, return_exceptions=True)
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

    def kill(self) -> None:
        """End it and all that it has started, at once."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    async def _ask(self, message: JSONObject) -> list[HeldAnswer]:
        if not self.is_alive:
            raise _lost()
        self._count += 1
        number = self._count
        waiting = asyncio.get_running_loop().create_future()
        self._waiting[number] = waiting
        try:
            self._writer.write(pack({**message, "id": number}))
            await self._writer.drain()
            return await waiting
        except ConnectionError:
            raise _lost() from None
        except asyncio.CancelledError:
            self._given_up.add(number)  # whoever asked has left; it may never come to an end
            raise
        finally:
            self._waiting.pop(number, None)
            self._look_idle()

    def _look_idle(self) -> None:
        if not self.is_busy:
            self._is_idle.set()

    async def _read_frames(self, reader: asyncio.StreamReader) -> None:
        while (message := await read_frame_async(reader)) is not None:
            self._take(message)
        if not self._ready.done():
            code = await self._process.wait()
            self._ready.set_exception(
                WorkerLostError(
                    f"The process that imports the action ended with {code}.",
                    hint="Its log tells more: `synapse deployment logs`.",
                )
            )
        self.ended.set()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(_lost())
        for flow in tuple(self._flows.values()):
            flow.lose(_lost())
        self._is_idle.set()
        self.kill()  # whatever it has started goes with it
        await self._process.wait()

    def _take(self, message: JSONObject) -> None:
        match message["op"]:
            case "answers":
                self._take_answers(message)
            case "part" | "end":
                flow = self._flows.get((int(str(message["id"])), int(str(message["place"]))))
                if flow is not None:
                    flow.hear(message)
            case "event":
                self._log(message)
            case _ if self._ready.done():
                pass  # nobody waits for it any more
            case "ready":
                self._ready.set_result(cast("JSONObject", message["description"]))
            case _:
                failure = cast("JSONObject", message["failure"])
                self._say(LogLevel.ERROR, LogSource.ACTION, str(failure["traceback"]))
                self._ready.set_exception(_failed(failure))

    def _take_answers(self, message: JSONObject) -> None:
        number = int(str(message["id"]))
        self._given_up.discard(number)
        waiting = self._waiting.get(number)
        is_wanted = waiting is not None and not waiting.done()
        answers: list[HeldAnswer] = []
        for place, one in enumerate(cast("list[list[JSONValue]]", message["answers"])):
            if len(one) > 1:
                answers.append((int(str(one[0])), one[1]))
                continue
            flow = self._follow_parts(number, place)
            if is_wanted:
                answers.append((int(str(one[0])), AnswerParts(flow)))
            else:
                flow.stop()
        if waiting is not None and not waiting.done():
            waiting.set_result(answers)

    def _follow_parts(self, number: int, place: int) -> Inflow:
        def tell(message: JSONObject) -> None:
            if self.is_alive:
                self._writer.write(pack({**message, "id": number, "place": place}))

        def forget() -> None:
            self._flows.pop((number, place), None)
            self._look_idle()

        flow = self._flows[number, place] = Inflow(tell, forget)
        return flow

    def _log(self, message: JSONObject) -> None:
        data = cast("JSONObject", message["data"])
        kind = str(message["kind"])
        if kind in _LOGGED:
            level = _LEVELS.get(str(data.get("level")), LogLevel.INFO)
            source = LogSource(str(data.get("source", LogSource.ACTION.value)))
            fields = data.get("fields")
            told = f" {json.dumps(fields, ensure_ascii=False)}" if fields else ""
            self._say(level, source, f"{data['message']}{told}")

    async def _read_output(self) -> None:
        """Log what C code and child processes print, and the interpreter at its end."""
        stream = self._process.stdout
        while stream is not None:
            try:
                text = await stream.readline()
            except ValueError:  # longer than the limit; what is left comes with the next one
                continue
            if not text:
                return
            self._say(
                LogLevel.INFO, LogSource.OUTPUT, text.decode("utf-8", "backslashreplace").rstrip()
            )


_LEVELS = {
    **{level.value: level for level in LogLevel},
    "danger": LogLevel.ERROR,
}


def _lost() -> WorkerLostError:
    return WorkerLostError(
        "The process that holds the action has ended.", hint="Another one starts: try again."
    )


def _failed(failure: JSONObject) -> ActionLoadError:
    where = failure.get("where")
    frame = where if isinstance(where, dict) else {}
    place = f" ({frame['file']}:{frame['line']})" if frame else ""
    return ActionLoadError(
        f"{failure['type']}: {failure['message']}{place}", hint=str(failure["hint"])
    )

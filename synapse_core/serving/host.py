"""`python -m synapse_core.serving.host DESCRIPTOR`: holds an action and answers for a replica.

It runs in the plugin's environment, never imports Ray, and ends with whoever started it. The
descriptor is a socket; `frames` tells its form. First comes a frame with `folder`, `entrypoint`,
`concurrency`, `memory_mb`, `work` and `name`; it is answered by `ready` or `failed`. Then come
`answer`, `load` and `unload` in any number, and `close`. An answer that is said part by part is
announced by its status alone; `more` asks for so many parts of it, each of which is a `part`, and
`end` follows the last one; `stop` asks for no more.
"""

import asyncio
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

from synapse_core.actions.failure import describe_failure
from synapse_core.actions.loading import load_action
from synapse_core.model.event import EventKind
from synapse_core.runtime.cancellation import CancelToken
from synapse_core.runtime.context import RuntimeContext
from synapse_core.runtime.env import PluginEnvironment
from synapse_core.runtime.logging_bridge import bridge_logging
from synapse_core.runtime.streams import capture_streams
from synapse_core.serving.frames import read_frame, send_frame
from synapse_core.serving.outflow import Outflow, Said
from synapse_core.serving.servable import Answer, Servable
from synapse_core.types import JSONObject, JSONValue
from synapse_core.worker.isolation import adopt_orphans, die_with_parent, limit_memory

__all__ = ["main"]


@dataclass(slots=True)
class _Line:
    """Sends whole messages from any thread; implements `EventSink`."""

    connection: socket.socket
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _count: int = 0

    def send(self, message: JSONObject) -> None:
        with self._lock:
            send_frame(self.connection, message)

    def emit(self, kind: EventKind, data: JSONObject) -> int:
        """Hand an event to the replica, which keeps the log."""
        with self._lock:
            self._count += 1
            send_frame(self.connection, {"op": "event", "kind": kind.value, "data": data})
            return self._count


class _Host:
    def __init__(self, line: _Line, servable: Servable) -> None:
        self._line = line
        self._servable = servable
        self._tasks: set[asyncio.Task[None]] = set()
        self._flows: dict[tuple[int, int], Outflow] = {}
        self._closing = asyncio.Event()

    async def live(self, stream: Any) -> None:  # noqa: ANN401 - a binary file of the socket
        """Answer until told to close."""
        description = await self._servable.start()
        self._line.send({"op": "ready", "description": description, "pid": os.getpid()})
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._read, args=(stream, loop), daemon=True).start()
        await self._closing.wait()
        for key in tuple(self._flows):
            await self._stop(key)
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._servable.close()

    def _read(self, stream: Any, loop: asyncio.AbstractEventLoop) -> None:  # noqa: ANN401 - as above
        while (message := read_frame(stream)) is not None:
            if message["op"] == "close":
                loop.call_soon_threadsafe(self._closing.set)
                return
            loop.call_soon_threadsafe(self._take, message)
        # The replica is gone, and nobody waits for an answer any more.
        os.killpg(0, signal.SIGKILL)

    def _take(self, message: JSONObject) -> None:
        task = asyncio.ensure_future(self._obey(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _obey(self, message: JSONObject) -> None:
        match message["op"]:
            case "answer":
                bodies = cast("list[JSONValue]", message["bodies"])
                answers = await self._servable.answer(str(message["model"]), bodies)
                self._send_answers(int(str(message["id"])), answers)
            case "load":
                answers = [await self._servable.load(str(message["model"]))]
                self._send_answers(int(str(message["id"])), answers)
            case "unload":
                await self._servable.unload(str(message["model"]))
            case "more":
                flow = self._flows.get(_key_of(message))
                if flow is not None:
                    flow.make_room(int(str(message["parts"])))
            case _:
                await self._stop(_key_of(message))

    def _send_answers(self, number: int, answers: Sequence[Answer]) -> None:
        """Send answers; those that are said part by part wait to be asked for."""
        sent: list[JSONValue] = []
        for place, (status, document) in enumerate(answers):
            if isinstance(document, Said):
                key = number, place
                told: JSONObject = {"id": number, "place": place}
                forget = partial(self._flows.pop, key, None)
                self._flows[key] = Outflow(told, document, self._line.send, forget)
                sent.append([status])
            else:
                sent.append([status, document])
        self._line.send({"op": "answers", "id": number, "answers": sent})

    async def _stop(self, key: tuple[int, int]) -> None:
        flow = self._flows.pop(key, None)
        if flow is not None:
            await flow.stop()


def _key_of(message: JSONObject) -> tuple[int, int]:
    return int(str(message["id"])), int(str(message["place"]))


def main() -> None:
    """Answer for a replica until it says that it is enough, or is gone."""
    die_with_parent(os.getppid())
    adopt_orphans()
    connection = socket.socket(fileno=int(sys.argv[1]))
    # Made once: whatever it has read ahead belongs to the next message.
    stream = connection.makefile("rb")
    line = _Line(connection)
    order = read_frame(stream)
    if order is None:
        return
    folder = Path(str(order["folder"]))
    with capture_streams(line), bridge_logging(line):
        try:
            _answer_for(order, folder, line, stream)
        except BaseException as error:  # noqa: BLE001 - an import may exit, too
            line.send({"op": "failed", "failure": asdict(describe_failure(error, folder))})
            raise SystemExit(1) from None
    # Threads of the action may be left, and nobody waits for them.
    os._exit(0)


def _answer_for(order: JSONObject, folder: Path, line: _Line, stream: Any) -> None:  # noqa: ANN401 - as above
    work = Path(str(order["work"]))
    work.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.chdir(work)
    if memory_mb := int(str(order["memory_mb"])):
        limit_memory(memory_mb)
    action = load_action(folder, str(order["entrypoint"]))
    with RuntimeContext(
        line,
        env=PluginEnvironment(os.environ),
        job_id=str(order["name"]),
        folder=work.parent,
        cancel=CancelToken(),
    ) as context:
        servable = Servable(action, context, folder, int(str(order["concurrency"])))
        asyncio.run(_Host(line, servable).live(stream))


if __name__ == "__main__":
    main()

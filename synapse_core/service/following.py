"""Brings what runs say to all who follow them.

However many follow a run, its journal is watched once and each new event is read and put into the
form of the stream once. A follower that falls behind reads the journal itself; nobody waits for it.
"""

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import anyio.to_thread

from synapse_core.config.home import Home
from synapse_core.errors import JournalError, RunNotFoundError
from synapse_core.model.event import EventKind
from synapse_core.model.run import RunStatus
from synapse_core.runs.cursor import format_cursor
from synapse_core.runs.ids import is_run_id
from synapse_core.runs.lines import end_of_lines
from synapse_core.runs.records import parse_event, parse_head
from synapse_core.runs.wake_many import FolderWatch, watch_many

__all__ = ["Channel", "Following", "Frame"]

_BLOCK = 1 << 16
"""Read at once; a few milliseconds of work for the event loop at most."""

_WINDOW_BYTES = 1 << 20
"""What a channel keeps for those who are a little behind."""

_LOOK_S = 0.05
"""How often journals are looked at where the system tells nothing of writes."""

_STATUS = re.compile(rb'"kind":"status"')


class Frame(NamedTuple):
    """One event in the form of the stream.

    Attributes:
        start: Byte position in the journal before it.
        end: The position after it.
        kind: What the event tells; None for a kind that only a later version knows.
        text: The event as a follower receives it.
        is_last: Whether it ends the run.
    """

    start: int
    end: int
    kind: EventKind | None
    text: bytes
    is_last: bool


class Channel:
    """What one run says. Used by the event loop only."""

    def __init__(self, run_id: str, path: Path) -> None:
        self.run_id = run_id
        self.followers = 0
        self.is_over = False
        """Whether the run has ended, so that nothing may come any more."""
        self._path = path
        self._descriptor: int | None = None
        self._frames: list[Frame] = []
        self._held = 0
        self._end = 0
        self._changed = asyncio.Event()
        self._fault: JournalError | None = None
        if self._open() is not None:
            self._end = end_of_lines(self._descriptor or 0)

    @property
    def end(self) -> int:
        """Byte position after the last event that was read."""
        return self._end

    async def read(self, position: int) -> tuple[Sequence[Frame], int]:
        """Return events that stand after the position, and the position after them.

        Raises:
            JournalError: The journal is damaged there.
        """
        first = self._frames[0].start if self._frames else self._end
        if position >= first:
            if self._fault is not None and position >= self._end:
                raise self._fault
            at = len(self._frames)
            while at > 0 and self._frames[at - 1].start >= position:
                at -= 1
            return self._frames[at:], max(position, self._end)
        frames, end, fault = await anyio.to_thread.run_sync(
            _read_frames_of, self._path, self.run_id, position, first
        )
        if fault is not None and not frames:
            raise fault
        return frames, end

    async def wait(self, position: int, timeout_s: float) -> bool:
        """Wait until something may stand after the position; False when the time is over."""
        changed = self._changed
        if self.has_more(position) or self.is_over or self._fault is not None:
            return True
        try:
            async with asyncio.timeout(timeout_s):
                await changed.wait()
        except TimeoutError:
            return False
        return True

    def has_more(self, position: int) -> bool:
        """Whether an event stands after the position."""
        return position < self._end

    def take_in(self) -> bool:
        """Read what was written; whether there may be more.

        What was written is read in small pieces, so that nobody else waits long.
        """
        descriptor = self._open()
        if descriptor is None or self._fault is not None:
            return False
        frames, end, self._fault = _read_frames(descriptor, self.run_id, self._end)
        has_more = end > self._end
        self._end = end
        self._keep(frames)
        if has_more or self._fault is not None:
            self.wake()
        return has_more

    def wake(self) -> None:
        """Have all who wait look again."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def close(self) -> None:
        """Let go of the journal."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _keep(self, frames: Sequence[Frame]) -> None:
        self._frames += frames
        self._held += sum(len(frame.text) for frame in frames)
        dropped = 0
        while self._held > _WINDOW_BYTES and dropped < len(self._frames) - 1:
            self._held -= len(self._frames[dropped].text)
            dropped += 1
        del self._frames[:dropped]

    def _open(self) -> int | None:
        if self._descriptor is None:
            with contextlib.suppress(OSError):  # it was not written to yet
                self._descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        return self._descriptor


class Following:
    """Holds a channel for each run that is followed. Used by the event loop only.

    Args:
        home: Where the runs lie.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._channels: dict[str, Channel] = {}
        self._folders: dict[Path, str] = {}
        self._watch = watch_many(home.journal("").name)
        self._looking: asyncio.Task[None] | None = None
        self.is_closing = False

    def open(self) -> None:
        """Begin to watch, in the running event loop."""
        if isinstance(self._watch, FolderWatch):
            asyncio.get_running_loop().add_reader(self._watch.fileno(), self._look)
        else:
            self._looking = asyncio.create_task(self._look_again_and_again())

    def leave(self) -> None:
        """End all streams; their clients come back with what they have seen."""
        self.is_closing = True
        for channel in self._channels.values():
            channel.wake()

    def close(self) -> None:
        """Watch no longer."""
        self.leave()
        if isinstance(self._watch, FolderWatch):
            asyncio.get_running_loop().remove_reader(self._watch.fileno())
        if self._looking is not None:
            self._looking.cancel()
        self._watch.close()

    @asynccontextmanager
    async def join(self, run_id: str) -> AsyncGenerator[Channel]:
        """Lend the channel of the run.

        Raises:
            RunNotFoundError: No run can have this id.
            JournalError: Its folder cannot be watched.
        """
        channel = self._channels.get(run_id) or self._add(run_id)
        channel.followers += 1
        try:
            yield channel
        finally:
            channel.followers -= 1
            if channel.followers == 0:
                self._remove(run_id)

    def runs(self) -> Collection[str]:
        """Return the ids of the runs that are followed."""
        return list(self._channels)

    def note_over(self, run_id: str) -> None:
        """Take note that the run has ended; its followers leave when they have read all."""
        channel = self._channels.get(run_id)
        if channel is not None and not channel.is_over:
            self._take_in(channel)
            channel.is_over = True
            channel.wake()

    def _add(self, run_id: str) -> Channel:
        if not is_run_id(run_id):
            raise RunNotFoundError(run_id)
        folder = self._home.run_dir(run_id)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._watch.add(folder)  # before looking where the journal ends
            channel = Channel(run_id, self._home.journal(run_id))
        except OSError as error:
            raise JournalError(
                f"The journal of {run_id} cannot be followed: {error.strerror}.",
                hint="Read it in pages, or raise fs.inotify.max_user_watches.",
            ) from error
        self._channels[run_id] = channel
        self._folders[folder] = run_id
        return channel

    def _remove(self, run_id: str) -> None:
        folder = self._home.run_dir(run_id)
        self._watch.remove(folder)
        self._folders.pop(folder, None)
        channel = self._channels.pop(run_id, None)
        if channel is not None:
            channel.close()

    def _look(self) -> None:
        for folder in self._watch.changed():
            channel = self._channels.get(self._folders.get(folder, ""))
            if channel is not None:
                self._take_in(channel)

    def _take_in(self, channel: Channel) -> None:
        if channel.followers and channel.take_in():
            asyncio.get_running_loop().call_soon(self._take_in, channel)

    async def _look_again_and_again(self) -> None:
        while True:
            self._look()
            await asyncio.sleep(_LOOK_S)


def _read_frames_of(
    path: Path, run_id: str, position: int, end: int
) -> tuple[list[Frame], int, JournalError | None]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return _read_frames(descriptor, run_id, position, end)
    finally:
        os.close(descriptor)


def _read_frames(
    descriptor: int, run_id: str, position: int, end: int | None = None
) -> tuple[list[Frame], int, JournalError | None]:
    """Return some events from the position on, where they end, and what stands in the way."""
    size = _BLOCK
    while True:
        wanted = size if end is None else min(size, end - position)
        block = os.pread(descriptor, wanted, position)
        whole = block.rfind(b"\n") + 1
        if whole or len(block) < size:
            break
        size *= 4  # one line is longer than that
    frames: list[Frame] = []
    for line in block[: max(whole - 1, 0)].split(b"\n") if whole else ():
        after = position + len(line) + 1
        try:
            frames.append(_frame(run_id, line, position, after))
        except ValueError as error:
            fault = JournalError(
                f"The line at byte {position} of the journal of {run_id} is no event: {error}.",
                hint="The file was changed by something else. Events after it can be read from a "
                "later cursor.",
                offset=position,
            )
            return frames, position, fault
        position = after
    return frames, position, None


def _frame(run_id: str, line: bytes, start: int, end: int) -> Frame:
    head = parse_head(line)
    is_last = False
    if head.kind is EventKind.STATUS:
        event = parse_event(line)
        is_last = event is not None and RunStatus(str(event.data.get("status"))).is_terminal
    text = b"id: %b\nevent: %b\ndata: %b\n\n" % (
        format_cursor(run_id, end).encode("ascii"),
        (head.kind or "unknown").encode("ascii"),
        line,
    )
    return Frame(start, end, head.kind, text, is_last)

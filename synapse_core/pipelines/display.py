"""Shows a pipeline run while it goes on: as a live tree on a terminal, as lines in a pipe."""

import sys
import time
from collections.abc import AsyncIterable, Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol, TextIO

from synapse_core.logs.display import neutralise
from synapse_core.model.pipeline_progress import ActionProgress, PipelineProgress
from synapse_core.model.run import RunStatus

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

__all__ = [
    "SIGNS",
    "Display",
    "depths_of",
    "display_progress",
    "display_progress_async",
    "open_display",
]

_BAR_CHARS = 16
_MOST_MESSAGE = 60
_DEEPEST = 8
"""A long chain is a list: what stands further down is not moved further in."""

_ROWS_BESIDE = 4
"""Lines of a terminal that are not for nodes."""

SIGNS = {
    RunStatus.PENDING: ("·", "dim"),
    RunStatus.RUNNING: ("▶", "cyan"),
    RunStatus.SUCCEEDED: ("✔", "green"),
    RunStatus.FAILED: ("✘", "red"),
    RunStatus.CANCELLED: ("■", "yellow"),
    RunStatus.SKIPPED: ("↷", "dim"),
}
"""How a status is shown: a sign, and the style that it is in."""
_IMPORTANCE = {RunStatus.FAILED: 0, RunStatus.RUNNING: 1, RunStatus.CANCELLED: 2}


class Display(Protocol):
    """Shows how a run stands, again and again."""

    def show(self, progress: PipelineProgress) -> None:
        """Show how it stands now."""
        ...

    def close(self) -> None:
        """Leave what was shown last."""
        ...


def display_progress(
    stream: Iterable[PipelineProgress], file: TextIO | None = None
) -> PipelineProgress | None:
    """Show a run until the stream ends, and return how it stood last.

    Args:
        stream: What an executor's `stream_progress` returns.
        file: Where to show it; None for stdout.
    """
    display = open_display(file)
    last = None
    try:
        for progress in stream:
            last = progress
            display.show(progress)
    finally:
        display.close()
    return last


async def display_progress_async(
    stream: AsyncIterable[PipelineProgress], file: TextIO | None = None
) -> PipelineProgress | None:
    """Show a run until the stream ends, and return how it stood last.

    Args:
        stream: What an executor's `stream_progress_async` returns.
        file: Where to show it; None for stdout.
    """
    display = open_display(file)
    last = None
    try:
        async for progress in stream:
            last = progress
            display.show(progress)
    finally:
        display.close()
    return last


def open_display(file: TextIO | None = None) -> Display:
    """Return what fits the file: a live tree on a terminal, else lines."""
    target = file if file is not None else sys.stdout
    if target.isatty():
        # 40 ms to import, and only for terminals.
        from rich.console import Console  # noqa: PLC0415 - see above

        console = Console(file=target, highlight=False, markup=False, emoji=False)
        if not console.is_dumb_terminal:
            return _LiveTree(console)
    return _Lines(target)


def depths_of(progress: Sequence[ActionProgress]) -> dict[str, int]:
    """Return how many nodes stand before each on the longest way to it."""
    depths: dict[str, int] = {}
    for one in progress:  # each stands behind those that it needs
        depths[one.name] = max((depths.get(name, 0) + 1 for name in one.needs), default=0)
    return depths


class _Lines:
    """Writes a line for each change of a node."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._told: dict[str, tuple[RunStatus, str]] = {}
        self._status: RunStatus | None = None

    def show(self, progress: PipelineProgress) -> None:
        for one in progress.rows:
            told = (one.status, _words(one))
            if one.status is not RunStatus.PENDING and self._told.get(one.name) != told:
                self._told[one.name] = told
                self._write(f"{one.name}  {_state(one)}{f': {told[1]}' if told[1] else ''}")
        if progress.status is not self._status and progress.status.is_terminal:
            self._write(_headline(progress))
        self._status = progress.status

    def close(self) -> None:
        self._file.flush()

    def _write(self, text: str) -> None:
        self._file.write(f"{neutralise(' '.join(text.split(chr(10))))}\n")


class _LiveTree:
    """Draws the nodes below one another, with bars, and draws them again."""

    def __init__(self, console: "Console") -> None:
        self._console = console
        self._live: Live | None = None
        self._latest: PipelineProgress | None = None

    def show(self, progress: PipelineProgress) -> None:
        from rich.live import Live  # noqa: PLC0415 - for terminals only

        self._latest = progress
        if self._live is None:
            # Asked for again between two changes: elapsed times go on.
            self._live = Live(
                get_renderable=self._draw, console=self._console, refresh_per_second=4
            )
            self._live.start()
        self._live.refresh()

    def close(self) -> None:
        if self._live is not None:
            self._live.stop()

    def _draw(self) -> "RenderableType":
        from rich.console import Group  # noqa: PLC0415 - for terminals only
        from rich.progress_bar import ProgressBar  # noqa: PLC0415 - for terminals only
        from rich.table import Table  # noqa: PLC0415 - for terminals only
        from rich.text import Text  # noqa: PLC0415 - for terminals only

        progress = self._latest
        if progress is None:
            return Text("")
        rows = progress.rows
        depths = depths_of(rows)
        grid = Table.grid(padding=(0, 1))
        for _ in range(5):
            grid.add_column(no_wrap=True)
        grid.add_column(no_wrap=True, overflow="ellipsis")
        shown = _pick(rows, max(3, self._console.height - _ROWS_BESIDE))
        for one in shown:
            sign, style = SIGNS[one.status]
            own = one.name.rpartition("/")[2]
            name = Text(f"{'  ' * min(depths[one.name], _DEEPEST)}{neutralise(own)}")
            bar = ProgressBar(total=1.0, completed=one.progress, width=_BAR_CHARS)
            words = Text(neutralise(_words(one)), style="red" if one.error else "dim")
            elapsed = Text(_elapsed(one), style="dim")
            percent = Text(f"{one.progress:4.0%}")
            grid.add_row(Text(sign, style=style), name, bar, percent, elapsed, words)
        left_out = len(rows) - len(shown)
        more = [Text(f"  … {left_out} more nodes", style="dim")] if left_out else []
        _, style = SIGNS[progress.status]
        return Group(Text(neutralise(_headline(progress)), style=f"bold {style}"), grid, *more)


def _pick(progress: Sequence[ActionProgress], most: int) -> list[ActionProgress]:
    """Return the nodes that matter most, in their own order."""
    if len(progress) <= most:
        return list(progress)
    ranked = sorted(
        enumerate(progress), key=lambda pair: (_IMPORTANCE.get(pair[1].status, 3), pair[0])
    )
    return [one for _, one in sorted(ranked[:most], key=lambda pair: pair[0])]


def _headline(progress: PipelineProgress) -> str:
    done = sum(one.status.is_terminal for one in progress.progress)
    counts = f"{done}/{len(progress.progress)} nodes"
    took = _between(progress.started_at, progress.completed_at)
    error = f": {progress.error}" if progress.error else ""
    return f"{progress.pipeline_id} {progress.status}  {counts}  {took}{error}".rstrip()


def _state(one: ActionProgress) -> str:
    took = _elapsed(one) if one.status.is_terminal else ""
    count = f" ({one.done}/{one.total})" if one.total > 1 else ""
    return f"{one.status}{count}{f' after {took}' if took else ''}"


def _words(one: ActionProgress) -> str:
    words = (one.error or one.message or "").split("\n", 1)[0]
    return words if len(words) <= _MOST_MESSAGE else f"{words[: _MOST_MESSAGE - 1]}…"


def _elapsed(one: ActionProgress) -> str:
    if one.status is RunStatus.SKIPPED:
        return ""
    took = _between(one.started_at, one.completed_at)
    return f"{took}, ETA {one.eta_s:.0f} s" if one.eta_s else took


def _between(start: datetime | None, end: datetime | None) -> str:
    if start is None:
        return ""
    until = end if end is not None else datetime.fromtimestamp(time.time(), UTC)
    seconds = max(0.0, (until - start).total_seconds())
    if seconds < 60:  # noqa: PLR2004 - seconds of a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"

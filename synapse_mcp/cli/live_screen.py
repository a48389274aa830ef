"""Shows a run on a terminal: its lines scroll, and below them stands how far it has come."""

import time
from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from synapse_core.logs.display import neutralise
from synapse_core.model.event import Event, EventKind, LogLevel
from synapse_core.model.run import Progress, Run
from synapse_core.operations.logs import LogLine, log_line
from synapse_mcp.cli.formatting import clock_text, count_text, duration_text, run_duration_s
from synapse_mcp.cli.output import Output
from synapse_mcp.cli.run_view import STATUS_STYLES, progress_of, write_outcome

__all__ = ["LiveScreen"]

_REFRESH_S = 0.1
"""No more drawings than a person can see."""

_BAR_WIDTH = 30
_SHOWN_STEPS = 8
_SHOWN_BARS = 8

_LEVEL_STYLES = {
    LogLevel.DEBUG: "dim",
    LogLevel.SUCCESS: "green",
    LogLevel.WARNING: "yellow",
    LogLevel.ERROR: "red",
    LogLevel.CRITICAL: "bold red",
}

_STEP_MARKS = {
    "started": ("▶", "cyan"),
    "succeeded": ("✓", "green"),
    "resumed": ("✓", "green"),
    "skipped": ("»", "dim"),
    "retried": ("↻", "yellow"),
    "failed": ("✗", "red"),
    "rolled_back": ("↩", "yellow"),
    "rollback_failed": ("✗", "bold red"),
}

_STEP_WORDS = {
    "resumed": "done before",
    "skipped": "skipped",
    "retried": "waits for its next attempt",
    "failed": "failed",
    "rolled_back": "undone",
    "rollback_failed": "could not be undone",
}


class LiveScreen:
    """Implements `Screen` with rich."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._run: Run | None = None
        self._progress: dict[str, Progress] = {}
        self._steps: dict[str, str] = {}
        self._message = ""
        self._lines: list[Text] = []
        self._drawn_at = 0.0
        self._started_at = time.time()
        self._live = Live(
            console=output.console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def begin(self, run: Run, earlier: tuple[LogLine, ...]) -> None:
        """Show the run as it stands, below its last lines."""
        self._run = run
        self._started_at = time.time() - (run_duration_s(run) or 0)
        self._progress = dict(run.summary.progress)
        self._steps = dict(run.summary.steps)
        self._message = run.summary.last_message
        self._lines = [_log_text(line) for line in earlier]
        self._live.start()
        self._draw()

    def show(self, event: Event) -> None:
        """Take in an event; drawn soon, together with those that follow at once."""
        data = event.data
        match event.kind:
            case EventKind.PROGRESS:
                progress = progress_of(data)
                self._progress[progress.category] = progress
            case EventKind.STEP:
                self._steps[str(data.get("name"))] = str(data.get("transition"))
            case EventKind.MESSAGE:
                self._message = neutralise(str(data.get("message", "")))
            case EventKind.STATUS if data.get("status") == "running":
                self._started_at = event.time
            case EventKind.ARTIFACT:
                self._lines.append(
                    Text(f"{clock_text(event.time)} saved {neutralise(str(data.get('name')))}")
                )
            case _:
                pass
        line = log_line(event)
        if line is not None:
            self._lines.append(_log_text(line))
        if time.monotonic() - self._drawn_at >= _REFRESH_S:
            self._draw()

    def tick(self) -> None:
        """Draw the clock again, and what came last."""
        self._draw()

    def end(self, run: Run | None) -> None:
        """Leave the lines, and below them how it ended."""
        if self._live.is_started:
            self._print_lines()
            self._live.stop()
        if run is not None:
            write_outcome(self._output, run)

    def _draw(self) -> None:
        self._print_lines()
        self._live.update(Group(*self.picture()), refresh=True)
        self._drawn_at = time.monotonic()

    def _print_lines(self) -> None:
        if self._lines:
            self._output.console.print(Text("\n").join(self._lines), soft_wrap=True)
            self._lines.clear()

    def picture(self) -> Iterator[RenderableType]:
        """Return what stands below the lines: how far the run has come."""
        run = self._run
        if run is None:
            return
        head = Text()
        head.append(f"{run.plugin}/{run.action}", "bold")
        head.append(f"  {run.id}  ", "dim")
        head.append("running ", STATUS_STYLES["running"])
        head.append(duration_text(time.time() - self._started_at))
        yield head
        bars = [each for each in self._progress.values() if each.category not in self._steps]
        if bars:
            yield _bars(bars[-_SHOWN_BARS:])
        if self._steps:
            yield self._step_tree()
        if self._message:
            yield Text(self._message, "italic", no_wrap=True, overflow="ellipsis")

    def _step_tree(self) -> Table:
        """Return a row for each step; the progress of a step stands in its row."""
        table = Table.grid(padding=(0, 2, 0, 0))
        hidden = len(self._steps) - _SHOWN_STEPS
        if hidden > 0:
            table.add_row(Text(f"├ {hidden} before", "dim"))
        shown = list(self._steps.items())[-_SHOWN_STEPS:]
        for number, (name, transition) in enumerate(shown, 1):
            mark, style = _STEP_MARKS.get(transition, ("·", ""))
            branch = "└" if number == len(shown) else "├"
            row = Text(f"{branch} ", "dim", no_wrap=True, overflow="ellipsis")
            row.append(f"{mark} {neutralise(name)}", style)
            progress = self._progress.get(name)
            if progress is not None and transition == "started":
                table.add_row(row, *_bar(progress))
            else:
                table.add_row(row, Text(_STEP_WORDS.get(transition, ""), style))
        return table


def _bars(shown: Sequence[Progress]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for progress in shown:
        name = Text(neutralise(progress.category), no_wrap=True, overflow="ellipsis")
        table.add_row(name, *_bar(progress))
    return table


def _bar(progress: Progress) -> Iterator[RenderableType]:
    yield ProgressBar(total=100, completed=progress.percent, width=_BAR_WIDTH)
    yield Text(f"{progress.percent:.0f}%", justify="right")
    yield Text(f"{count_text(progress.current)}/{count_text(progress.total)}")
    yield Text(f"{count_text(round(progress.rate, 2))}/s" if progress.rate else "", "dim")
    yield Text(_eta(progress), "dim")


def _eta(progress: Progress) -> str:
    if progress.eta_s is None or progress.current >= progress.total:
        return ""
    return f"ETA {duration_text(progress.eta_s)}"


def _log_text(line: LogLine) -> Text:
    text = Text(f"{clock_text(line.time)} ", "dim")
    text.append(line.text, _LEVEL_STYLES.get(line.level, "not dim"))
    return text

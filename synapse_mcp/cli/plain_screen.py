"""Shows a run as lines that may go into a pipe or a file."""

import math

from synapse_core.model.event import Event, EventKind, LogLevel
from synapse_core.model.run import Run
from synapse_core.operations.logs import LogLine, log_line
from synapse_core.types import JSONObject
from synapse_mcp.cli.formatting import clock_text
from synapse_mcp.cli.output import Output
from synapse_mcp.cli.run_view import progress_of, progress_text, write_outcome

__all__ = ["PlainScreen", "log_text"]

_STEP_PERCENT = 10
"""Progress is told whenever it has passed so many percent; a bar of its own would fill the file."""


def log_text(line: LogLine) -> str:
    """Return a log line with its time of day; the level where it is not the usual one."""
    level = "" if line.level is LogLevel.INFO else f"{line.level.value.upper()}: "
    return f"{clock_text(line.time)} {level}{line.text}"


class PlainScreen:
    """Implements `Screen` with lines."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._told: dict[str, int] = {}

    def begin(self, run: Run, earlier: tuple[LogLine, ...]) -> None:
        """Name the run, and write the lines from before."""
        self._output.line(f"Run {run.id}: {run.plugin}/{run.action}")
        for line in earlier:
            self._output.line(log_text(line))
        self._output.flush()

    def show(self, event: Event) -> None:
        """Write a log line at once, and progress now and then."""
        line = log_line(event)
        if line is not None:
            self._output.line(log_text(line))
        elif event.kind is EventKind.PROGRESS:
            self._show_progress(event.data, event.time)
        elif event.kind is EventKind.ARTIFACT:
            self._output.line(f"{clock_text(event.time)} saved {event.data.get('name')}")
        self._output.flush()

    def tick(self) -> None:
        """Do nothing: a file shows no clock."""

    def end(self, run: Run | None) -> None:
        """Write how it ended."""
        if run is not None:
            write_outcome(self._output, run)
            self._output.flush()

    def _show_progress(self, data: JSONObject, time: float) -> None:
        progress = progress_of(data)
        step = math.floor(progress.percent / _STEP_PERCENT)
        if self._told.get(progress.category) != step:
            self._told[progress.category] = step
            name = progress.category
            self._output.line(f"{clock_text(time)} progress {name}  {progress_text(progress)}")

"""Follows a run to its end, on whatever stdout is."""

from typing import Protocol

from synapse_core.model.event import Event
from synapse_core.model.run import Run, RunStatus
from synapse_core.operations.logs import LogLine, LogQuery, follow_events, read_logs
from synapse_core.operations.runs import get_run, wait_run
from synapse_core.workspace import Workspace
from synapse_mcp.cli.failures import ExitCode
from synapse_mcp.cli.output import Output, note
from synapse_mcp.cli.plain_screen import PlainScreen
from synapse_mcp.cli.run_view import run_json

__all__ = ["Screen", "follow_to_end", "outcome_code", "wait_to_end"]

_REDRAW_S = 0.25
"""A silent run is drawn again so often, for the clock."""

_SETTLE_S = 5.0
"""The store follows the last event within milliseconds."""


class Screen(Protocol):
    """Shows a run while it goes on."""

    def begin(self, run: Run, earlier: tuple[LogLine, ...]) -> None:
        """Show the run as it stands, and the last lines before it is followed."""
        ...

    def show(self, event: Event) -> None:
        """Show an event."""
        ...

    def tick(self) -> None:
        """Show that time has passed."""
        ...

    def end(self, run: Run | None) -> None:
        """Show how the run ended; None when it goes on and nobody watches any longer."""
        ...


def follow_to_end(
    workspace: Workspace, run_id: str, output: Output, *, tail: int | None = None
) -> int:
    """Show the run as it goes on, and return the exit code of its outcome.

    Ctrl-C ends the watching and not the run, and says how to stop that.

    Args:
        workspace: Where the run is.
        run_id: The run.
        output: What to show it on.
        tail: Show so many lines from before; None for all of them.
    """
    screen = _screen(output)
    try:
        run = get_run(workspace, run_id)
        cursor, earlier = None, ()
        if tail is not None:
            page = read_logs(workspace, run_id, LogQuery(tail=tail))
            cursor, earlier = page.next_cursor, page.lines
        screen.begin(run, earlier)
        for event in follow_events(workspace, run_id, cursor=cursor, idle_s=_REDRAW_S):
            if event is None:
                screen.tick()
            else:
                screen.show(event)
    except KeyboardInterrupt:
        screen.end(None)
        return _leave(run_id)
    except BaseException:
        screen.end(None)
        raise
    run = wait_run(workspace, run_id, timeout_s=_SETTLE_S)
    screen.end(run)
    return outcome_code(run)


def wait_to_end(workspace: Workspace, run_id: str, *, timeout_s: float | None) -> Run:
    """Return the run when it has ended, or as it stands when the time is over.

    Raises:
        KeyboardInterrupt: After saying that the run goes on.
    """
    try:
        return wait_run(workspace, run_id, timeout_s=timeout_s if timeout_s is not None else 1e9)
    except KeyboardInterrupt:
        _leave(run_id)
        raise


def outcome_code(run: Run) -> int:
    """Return the exit code that tells how the run ended."""
    return ExitCode.DONE if run.status is RunStatus.SUCCEEDED else ExitCode.FAILED


def _screen(output: Output) -> Screen:
    if output.as_json:
        return _JsonScreen(output)
    if output.is_terminal and not output.console.is_dumb_terminal:
        from synapse_mcp.cli.live_screen import LiveScreen  # noqa: PLC0415 rich, for terminals only

        return LiveScreen(output)
    return PlainScreen(output)


def _leave(run_id: str) -> int:
    note("\nStopped following; the run goes on.")
    note(f"Stop it:           synapse run cancel {run_id}")
    note(f"Follow it again:   synapse run follow {run_id}")
    return ExitCode.INTERRUPTED


class _JsonScreen:
    """Shows a run as JSON lines: each event as it is in the journal, and in the end the run."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def begin(self, run: Run, earlier: tuple[LogLine, ...]) -> None:
        """Write nothing: whoever wants the run as it stands asks for it."""

    def show(self, event: Event) -> None:
        told = {"seq": event.seq, "time": event.time, "kind": event.kind, "data": event.data}
        self._output.json_line({"type": "event", **told})

    def tick(self) -> None:
        """Write nothing."""

    def end(self, run: Run | None) -> None:
        if run is not None:
            self._output.json_line({"type": "run", **run_json(run)})

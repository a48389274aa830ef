"""Reads the journals of runs, also while they are being written."""

import time
from pathlib import Path

from synapse_core.config.home import Home
from synapse_core.errors import CursorError, RunNotFoundError
from synapse_core.model.event import Event, EventKind
from synapse_core.model.run import Page, RunSummary
from synapse_core.runs.cursor import format_cursor, parse_cursor
from synapse_core.runs.folding import FOLDED_KINDS, SummaryFold
from synapse_core.runs.ids import is_run_id
from synapse_core.runs.journal_file import JournalFile
from synapse_core.runs.wake import FileWatch

__all__ = ["Journals"]


class Journals:
    """Implements `JournalReader` over the journals below a home.

    A run without a journal has no events yet. Nothing is kept between two calls, so any number of
    threads and processes may read.

    Args:
        home: Where the runs lie.
    """

    def __init__(self, home: Home) -> None:
        self._home = home

    def read(
        self,
        run_id: str,
        *,
        after: str | None = None,
        limit: int = 1000,
        kinds: frozenset[EventKind] | None = None,
    ) -> Page[Event]:
        """Return up to `limit` events after the cursor, oldest first.

        Raises:
            RunNotFoundError: No run can have this id.
            CursorError: `after` was not made for this run.
            JournalError: The journal is damaged.
        """
        position = parse_cursor(run_id, after) if after is not None else 0
        events: list[Event] = []
        with JournalFile.open(self._path(run_id)) as journal:
            if position > journal.end:
                raise CursorError(
                    f"The cursor {after!r} stands behind the end of the journal of {run_id}.",
                    hint="The journal was cut short since. Read from the beginning.",
                    run_id=run_id,
                )
            if limit > 0:
                for event, end in journal.events_after(position, kinds):
                    position = end
                    if event is not None:
                        events.append(event)
                        if len(events) >= limit:
                            break
        return Page(tuple(events), format_cursor(run_id, position))

    def tail(
        self, run_id: str, count: int, *, kinds: frozenset[EventKind] | None = None
    ) -> Page[Event]:
        """Return the last `count` events, oldest first, with a cursor after the last one.

        Raises:
            RunNotFoundError: No run can have this id.
            JournalError: The journal is damaged.
        """
        events: list[Event] = []
        with JournalFile.open(self._path(run_id)) as journal:
            if count > 0:
                for event in journal.events_before_end(kinds):
                    events.append(event)
                    if len(events) >= count:
                        break
        return Page(tuple(reversed(events)), format_cursor(run_id, journal.end))

    def wait(self, run_id: str, after: str | None, *, timeout_s: float) -> bool:
        """Block until a whole event stands after the cursor; False when the time is over.

        The run's folder need not be there yet.

        Raises:
            RunNotFoundError: No run can have this id.
            CursorError: `after` was not made for this run.
        """
        position = parse_cursor(run_id, after) if after is not None else 0
        path = self._path(run_id)
        until = time.monotonic() + timeout_s
        if _has_more(path, position):
            return True
        with FileWatch(path) as watch:
            while (left_s := until - time.monotonic()) > 0:
                watch.wait(left_s)
                if _has_more(path, position):
                    return True
        return False

    def summarise(self, run_id: str, start: RunSummary) -> RunSummary:
        """Fold the events after `start` into it.

        Raises:
            RunNotFoundError: No run can have this id.
            JournalError: The journal is damaged.
        """
        with JournalFile.open(self._path(run_id)) as journal:
            if journal.end <= start.offset:
                return start
            fold = SummaryFold(start)
            for event, _ in journal.events_after(start.offset, FOLDED_KINDS):
                if event is not None:
                    fold.add(event)
            return fold.summary(journal.seq_before(journal.end), journal.end)

    def _path(self, run_id: str) -> Path:
        if not is_run_id(run_id):
            # It would become a part of a path.
            raise RunNotFoundError(run_id)
        return self._home.journal(run_id)


def _has_more(path: Path, position: int) -> bool:
    with JournalFile.open(path) as journal:
        return journal.end > position

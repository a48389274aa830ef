"""The summary of a run from what its writer has just written, without reading it back."""

import threading
from collections import deque

from synapse_core.model.event import Event
from synapse_core.model.run import RunSummary
from synapse_core.ports import JournalReader
from synapse_core.runs.folding import FOLDED_KINDS, SummaryFold
from synapse_core.runs.journal import Written
from synapse_core.runs.records import decode_data

__all__ = ["WrittenSummary"]

_KEPT = 1000
"""Of a run that writes more between two summaries, the rest is read back."""


class WrittenSummary:
    """Folds what a `JournalWriter` tells, and reads the journal where something is missing.

    Args:
        journals: Reads the journal.
        run_id: The run.
        start: The summary to go on from, of what earlier attempts wrote.
    """

    def __init__(self, journals: JournalReader, run_id: str, start: RunSummary) -> None:
        self._journals = journals
        self._run_id = run_id
        self._summary = start
        self._untold: deque[Written] = deque(maxlen=_KEPT)
        self._lock = threading.Lock()

    def note(self, written: Written) -> None:
        """Take in what was written, in the order it stands in the journal."""
        self._untold.append(written)

    def fold(self) -> RunSummary:
        """Return the summary of all that is written by now.

        Raises:
            JournalError: The journal had to be read, and is damaged.
        """
        with self._lock:
            while self._untold:
                if self._untold[0].start > self._summary.offset:
                    # Before it stands what an earlier attempt wrote, or more than is kept here.
                    self._summary = self._journals.summarise(self._run_id, self._summary)
                self._fold_those_that_follow()
            return self._summary

    def _fold_those_that_follow(self) -> None:
        fold, seq, end = SummaryFold(self._summary), self._summary.seq, self._summary.offset
        while self._untold and self._untold[0].start <= end:
            written = self._untold.popleft()
            if written.start == end:  # else it was read already
                _add(fold, written)
                seq, end = written.seq, written.end
        self._summary = fold.summary(seq, end)


def _add(fold: SummaryFold, written: Written) -> None:
    if written.kind in FOLDED_KINDS:
        for part in written.parts:
            fold.add(Event(written.seq, written.time, written.kind, decode_data(part)))

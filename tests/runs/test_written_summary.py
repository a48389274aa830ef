"""A summary made of what is written is the one that a reader makes."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_core.config.home import Home
from synapse_core.model.event import EventKind
from synapse_core.model.run import RunSummary
from synapse_core.runs.ids import new_run_id
from synapse_core.runs.journal import JournalWriter
from synapse_core.runs.reading import Journals
from synapse_core.runs.written_summary import WrittenSummary
from synapse_core.types import JSONObject

SAID: tuple[tuple[EventKind, JSONObject], ...] = (
    (EventKind.STATUS, {"status": "running", "attempt": 1}),
    (EventKind.LOG, {"level": "warning", "message": "careful"}),
    (EventKind.LOG, {"level": "error", "message": "long " * 20_000}),
    (EventKind.MESSAGE, {"level": "info", "message": "hello"}),
    (EventKind.PROGRESS, {"category": "all", "current": 1, "total": 2, "percent": float("nan")}),
    (EventKind.METRICS, {"category": "train", "values": {"loss": float("inf"), "n": 1}}),
    (EventKind.STEP, {"name": "load", "transition": "start"}),
    (EventKind.ARTIFACT, {"name": "a", "path": "artifacts/a", "size_bytes": 3, "sha256": "00"}),
    (EventKind.OUTPUT, {"result": 1}),
)


class Written:
    """A journal, and the summary of what is written to it."""

    def __init__(self, home: Home, run_id: str) -> None:
        self.journals = Journals(home)
        self.run_id = run_id
        self.path = home.journal(run_id)
        self.summary = WrittenSummary(self.journals, run_id, RunSummary())

    def go_on_from(self, start: RunSummary) -> None:
        """Sum up what another attempt writes."""
        self.summary = WrittenSummary(self.journals, self.run_id, start)

    def open(self) -> JournalWriter:
        return JournalWriter.open(self.path, witness=self.summary.note)

    def read_back(self) -> RunSummary:
        return self.journals.summarise(self.run_id, RunSummary())


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("home"))


def a_journal(home: Home) -> Written:
    run_id = new_run_id(0.0)
    home.run_dir(run_id).mkdir(parents=True)
    return Written(home, run_id)


@given(st.lists(st.one_of(st.sampled_from(range(len(SAID))), st.none()), max_size=12))
def test_whatever_is_said_it_is_what_a_reader_finds(home: Home, said: list[int | None]) -> None:
    written = a_journal(home)
    with written.open() as writer:
        for number in said:
            if number is None:
                assert written.summary.fold() == written.read_back()
            else:
                writer.emit(*SAID[number])
    assert written.summary.fold() == written.read_back()


@pytest.mark.parametrize("known", [0, 1, 2])
def test_what_an_earlier_attempt_said_is_in_it(tmp_path: Path, known: int) -> None:
    """The store may know all of it, or not the last of it."""
    written = a_journal(Home(tmp_path))
    kept = RunSummary()
    with written.open() as earlier:
        for count, number in enumerate((0, 1), start=1):
            earlier.emit(*SAID[number])
            kept = written.read_back() if count <= known else kept
    written.go_on_from(kept)
    assert written.summary.fold() == kept
    with written.open() as writer:
        writer.emit(*SAID[2])

    assert written.summary.fold() == written.read_back()
    assert (written.summary.fold().warnings, written.summary.fold().errors) == (1, 1)


def test_more_than_is_kept_is_read_back(tmp_path: Path) -> None:
    written = a_journal(Home(tmp_path))
    with written.open() as writer:
        for _ in range(2500):
            writer.emit(*SAID[1])
        assert written.summary.fold().warnings == 2500
        writer.emit(*SAID[1])

    assert written.summary.fold() == written.read_back()
    assert written.summary.fold().warnings == 2501

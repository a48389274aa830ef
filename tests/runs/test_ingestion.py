"""Events that were recorded elsewhere."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from synapse_core.config.home import Home
from synapse_core.errors import (
    ConflictError,
    EventGapError,
    InvalidInputError,
    JournalError,
    RunNotFoundError,
)
from synapse_core.model.event import EventKind
from synapse_core.runs.ingestion import MAX_OPEN, Ingestion
from synapse_core.runs.journal import JournalWriter
from synapse_core.runs.reading import Journals
from synapse_core.runs.records import format_records

RUN = "20260101-000000-00000001"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def ingestion(home: Home) -> Iterator[Ingestion]:
    made = Ingestion(home)
    yield made
    made.close()


def batch(first: int, last: int, text: str = "line") -> bytes:
    return b"".join(
        format_records(
            seq, 1_500_000, EventKind.LOG, [b'{"message":"%b %d"}' % (text.encode(), seq)]
        )
        for seq in range(first, last + 1)
    )


def test_a_batch_is_kept_as_it_is(home: Home, ingestion: Ingestion) -> None:
    assert ingestion.append(RUN, batch(1, 3)) == 3
    assert ingestion.append(RUN, batch(4, 4)) == 4

    assert home.journal(RUN).read_bytes() == batch(1, 4)
    assert [event.seq for event in Journals(home).read(RUN).items] == [1, 2, 3, 4]


@pytest.mark.parametrize(("first", "last"), [(1, 3), (1, 1), (2, 3), (3, 3), (2, 6), (1, 9)])
def test_what_is_sent_again_is_kept_once(
    home: Home, ingestion: Ingestion, first: int, last: int
) -> None:
    ingestion.append(RUN, batch(1, 3))

    assert ingestion.append(RUN, batch(first, last)) == max(last, 3)
    assert home.journal(RUN).read_bytes() == batch(1, max(last, 3))


def test_a_gap_is_told_with_what_is_wanted(home: Home, ingestion: Ingestion) -> None:
    ingestion.append(RUN, batch(1, 3))

    with pytest.raises(EventGapError) as caught:
        ingestion.append(RUN, batch(5, 6))

    assert caught.value.data["expected_seq"] == 4
    assert home.journal(RUN).read_bytes() == batch(1, 3)


def test_the_same_number_with_another_text_is_refused(home: Home, ingestion: Ingestion) -> None:
    ingestion.append(RUN, batch(1, 3))

    with pytest.raises(ConflictError, match="Event 3"):
        ingestion.append(RUN, batch(3, 5, "other"))

    assert home.journal(RUN).read_bytes() == batch(1, 3)


def test_what_somebody_else_wrote_meanwhile_counts(home: Home, ingestion: Ingestion) -> None:
    ingestion.append(RUN, batch(1, 2))
    with JournalWriter.open(home.journal(RUN)) as writer:
        writer.emit(EventKind.STATUS, {"status": "failed", "attempt": 1})

    assert ingestion.last_seq(RUN) == 3
    with pytest.raises(ConflictError):
        ingestion.append(RUN, batch(3, 3))
    assert ingestion.append(RUN, batch(4, 4)) == 4


def test_half_a_line_of_an_earlier_process_is_cut_off(home: Home) -> None:
    home.run_dir(RUN).mkdir(parents=True)
    home.journal(RUN).write_bytes(batch(1, 2) + b'{"seq":3,"ti')
    ingestion = Ingestion(home)

    assert ingestion.append(RUN, batch(3, 3)) == 3
    assert home.journal(RUN).read_bytes() == batch(1, 3)
    ingestion.close()


def test_an_empty_batch_asks_how_far_the_journal_is(ingestion: Ingestion) -> None:
    assert ingestion.append(RUN, b"") == 0
    ingestion.append(RUN, batch(1, 2))

    assert ingestion.append(RUN, b"") == 2


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        (b"no event\n", 1),
        (batch(1, 1) + batch(3, 3), 2),
        (batch(1, 1) + batch(1, 1), 2),
        (b'{"seq":1,"time":1.500000,"kind":"log","data":{"a":}}\n', 1),
        (b'{"seq":1,"time":1.500000,"kind":"log","data":[]}\n', 1),
        (b'{"seq":1,"time":1.500000,"kind":"log","data":{}\n', 1),
        (batch(1, 1) + b"\n", 2),
        (b'{"seq":1,"time":1.500000,"kind":"log","data":{"a":%b}}\n' % (b"[" * 100_000), 1),
    ],
)
def test_a_batch_with_a_wrong_line_is_refused_whole(
    home: Home, ingestion: Ingestion, wrong: bytes, line: int
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        ingestion.append(RUN, wrong)

    assert caught.value.data["line"] == line
    assert not home.journal(RUN).exists()


def test_a_batch_ends_with_a_whole_line(ingestion: Ingestion) -> None:
    with pytest.raises(InvalidInputError):
        ingestion.append(RUN, batch(1, 2)[:-1])


def test_a_kind_of_a_later_version_is_kept(home: Home, ingestion: Ingestion) -> None:
    line = b'{"seq":1,"time":1.500000,"kind":"future","data":{}}\n'

    assert ingestion.append(RUN, line) == 1
    assert home.journal(RUN).read_bytes() == line


@pytest.mark.parametrize("run_id", ["..", "no", "../../x", ""])
def test_what_is_no_run_id_becomes_no_path(ingestion: Ingestion, run_id: str) -> None:
    with pytest.raises(RunNotFoundError):
        ingestion.append(run_id, batch(1, 1))


def test_a_damaged_journal_is_not_added_to(home: Home, ingestion: Ingestion) -> None:
    home.run_dir(RUN).mkdir(parents=True)
    home.journal(RUN).write_bytes(b"what is this\n")

    with pytest.raises(JournalError):
        ingestion.append(RUN, batch(1, 1))


def test_more_journals_than_may_be_open_are_written(home: Home, ingestion: Ingestion) -> None:
    count = MAX_OPEN + 5
    runs = [f"20260101-000000-{number:08}" for number in range(count)]
    for seq in (1, 2):
        for run_id in runs:
            assert ingestion.append(run_id, batch(seq, seq)) == seq

    assert all(home.journal(run_id).read_bytes() == batch(1, 2) for run_id in runs)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_core.runtime.line_assembly import LONGEST_PIECE, LineAssembler, Piece


class Hand:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def lines(hand: Hand) -> LineAssembler:
    return LineAssembler(hand)


def texts(pieces: list[Piece]) -> list[str]:
    return [piece.text for piece in pieces]


def whole(pieces: list[Piece]) -> list[str]:
    """Return the lines that pieces make together."""
    made: list[str] = []
    begun = ""
    for piece in pieces:
        begun += piece.text
        if not piece.more:
            made.append(begun)
            begun = ""
    return [*made, begun] if begun else made


def test_a_line_is_told_when_it_ends(lines: LineAssembler) -> None:
    assert lines.feed("hel") == []
    assert lines.feed("lo") == []
    assert lines.feed("\nnext\n\nre") == [Piece("hello"), Piece("next"), Piece("")]
    assert lines.finish() == [Piece("re")]
    assert lines.finish() == []
    assert lines.is_empty


def test_line_ends_of_windows_count_once_wherever_they_are_cut(lines: LineAssembler) -> None:
    assert texts(lines.feed("a\r\nb\r")) == ["a"]
    assert texts(lines.feed("\nc\r\r\n")) == ["b", "c"]
    assert lines.finish() == []


def test_a_flushed_beginning_goes_on_in_the_next_piece(lines: LineAssembler) -> None:
    lines.feed("Loading… ")

    assert lines.flush() == [Piece("Loading… ", more=True)]
    assert lines.flush() == []
    assert lines.feed("done\n") == [Piece("done")]


def test_a_flushed_line_that_merely_ends_is_closed(lines: LineAssembler) -> None:
    lines.feed("ready?")
    lines.flush()

    assert lines.feed("\n") == [Piece("")]


def test_of_a_progress_bar_one_state_a_second_and_the_last_are_told(
    hand: Hand, lines: LineAssembler
) -> None:
    told: list[Piece] = []
    for turn in range(1001):
        hand.now = turn / 100
        told += lines.feed(f"\r{turn / 10:.1f}%")
        told += lines.flush()
    told += lines.feed("\n")

    assert texts(told)[0] == "0.0%"
    assert texts(told)[-1] == "100.0%"
    assert 10 <= len(told) <= 13
    assert not any(piece.more for piece in told)


def test_a_bar_that_returns_at_the_end_of_each_state_is_bounded_too(
    hand: Hand, lines: LineAssembler
) -> None:
    told: list[Piece] = []
    for turn in range(1001):
        hand.now = turn / 100
        told += lines.feed(f"{turn / 10:.1f}%\r")
        told += lines.flush()
    told += lines.finish()

    assert texts(told)[0] == "0.0%"
    assert texts(told)[-1] == "100.0%"
    assert len(told) <= 13


def test_a_state_that_was_told_is_not_told_again(lines: LineAssembler) -> None:
    lines.feed("\r50%")
    assert texts(lines.flush()) == ["50%"]

    assert lines.feed("\n") == []
    assert texts(lines.feed("50%\n")) == ["50%"]


def test_a_bar_that_is_wiped_away_leaves_what_comes_after(lines: LineAssembler) -> None:
    told = lines.feed("\r10%") + lines.flush() + lines.feed("\r    \rhello\n")

    assert texts(told) == ["10%", "hello"]


def test_an_endless_line_comes_in_bounded_pieces(lines: LineAssembler) -> None:
    told: list[Piece] = []
    for _ in range(20):
        told += lines.feed("x" * 10_000)
    told += lines.feed("end\n")

    assert all(len(piece.text) <= LONGEST_PIECE for piece in told)
    assert [piece.more for piece in told] == [True] * (len(told) - 1) + [False]
    assert whole(told) == ["x" * 200_000 + "end"]


def test_one_huge_text_comes_in_bounded_pieces_cut_between_words(lines: LineAssembler) -> None:
    text = "some words " * 100_000

    told = lines.feed(f"{text}\n")

    assert all(len(piece.text) <= LONGEST_PIECE for piece in told)
    assert all(piece.text.endswith(" ") for piece in told)
    assert whole(told) == [text]


@given(
    st.lists(st.text(st.sampled_from("ab \n")) | st.text(st.characters(exclude_characters="\r")))
)
def test_however_text_is_parted_no_character_is_lost(parts: list[str]) -> None:
    lines = LineAssembler(Hand())
    told: list[Piece] = []
    for part in parts:
        told += lines.feed(part)
        told += lines.flush() if len(part) % 3 == 0 else []
    told += lines.finish()

    everything = "".join(parts)
    expected = everything.split("\n")
    assert whole(told) == (expected[:-1] if expected[-1] == "" else expected)


@given(parts=st.lists(st.text(st.sampled_from("ab\r\n"))), flush=st.booleans())
def test_what_a_terminal_would_show_at_last_is_told(parts: list[str], *, flush: bool) -> None:
    hand = Hand()
    lines = LineAssembler(hand)
    told: list[str] = []
    for part in parts:
        told += texts(lines.feed(part))
        hand.now += 10
        told += texts(lines.flush()) if flush and "\r" in part else []
    told += texts(lines.finish())

    left = [line.rstrip("\r").split("\r")[-1] for line in "".join(parts).split("\n")]
    shown = iter(told)
    if not flush:
        assert all(line in shown for line in left if line)  # in this order, others between
    assert lines.is_empty

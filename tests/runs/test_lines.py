import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_core.runs.lines import end_of_lines, lines_before, lines_from

LINES = st.lists(
    st.one_of(
        st.binary(max_size=20).map(lambda line: line.replace(b"\n", b"")),
        # Around the size of a block, and over it.
        st.sampled_from([65_535, 65_536, 65_537, 200_000, 262_143, 262_144, 300_000]).map(
            lambda size: b"x" * size
        ),
    ),
    max_size=6,
)
REST = st.binary(max_size=20).map(lambda rest: rest.replace(b"\n", b""))


@given(lines=LINES, rest=REST)
def test_lines_are_the_same_forwards_and_backwards(
    lines: list[bytes], rest: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "lines"
    path.write_bytes(b"".join(line + b"\n" for line in lines) + rest)
    starts = [sum(len(line) + 1 for line in lines[:number]) for number in range(len(lines))]
    expected = list(zip(starts, lines, strict=True))

    with path.open("rb") as file:
        end = end_of_lines(file.fileno())
        assert end == path.stat().st_size - len(rest)
        assert list(lines_from(file.fileno(), 0)) == expected
        assert list(lines_from(file.fileno(), 0, end)) == expected
        assert list(lines_before(file.fileno(), end)) == expected[::-1]
        for number, start in enumerate(starts):
            assert list(lines_from(file.fileno(), start)) == expected[number:]
            assert list(lines_before(file.fileno(), start)) == expected[:number][::-1]


def test_what_is_appended_while_lines_are_taken_is_yielded(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"one\ntw")
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND)
    lines = lines_from(descriptor, 0)

    assert next(lines) == (0, b"one")
    os.write(descriptor, b"o\nthree\nfo")
    assert list(lines) == [(4, b"two"), (8, b"three")]
    os.close(descriptor)


def test_no_line_ends_where_none_may_be_looked_for(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"one\ntwo\nrest")
    with path.open("rb") as file:
        assert end_of_lines(file.fileno(), floor=8) == 8
        assert end_of_lines(file.fileno(), end=7) == 4
        assert end_of_lines(file.fileno(), end=3) == 0

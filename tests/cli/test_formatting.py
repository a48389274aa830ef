import pytest

from synapse_mcp.cli.formatting import duration_text, size_text, value_text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (-1, "0 ms"),
        (0.0123, "12 ms"),
        (1.26, "1.3 s"),
        (59.4, "59 s"),
        (59.7, "1 m 00 s"),
        (61, "1 m 01 s"),
        (3599, "59 m 59 s"),
        (3661, "1 h 01 m"),
        (90_000, "1 d 01 h"),
    ],
)
def test_a_duration_has_at_most_two_units(seconds: float | None, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (12_345, "12.3 kB"),
        (999_999, "1 MB"),
        (5_000_000_000, "5 GB"),
        (7 * 10**15, "7e+03 TB"),
    ],
)
def test_a_size_has_three_digits(size: int, text: str) -> None:
    assert size_text(size) == text


def test_text_is_shown_as_it_is_and_values_as_json() -> None:
    assert value_text("a b") == "a b"
    assert value_text({"é": [1, None]}) == '{"é": [1, null]}'

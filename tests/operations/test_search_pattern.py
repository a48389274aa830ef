"""What others search for is found, or refused before it can take for ever."""

import pytest

from synapse_core.errors import InvalidInputError
from synapse_core.operations.search_pattern import compile_pattern


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        ("error", "An Error"),
        (r"epoch \d+/\d+", "epoch 3/10"),
        ("(foo|bar)+", "barfoo"),
        (r"(?:a|b)*c", "ababc"),
        (r"loss=([0-9.]+)", "loss=0.5"),
        (r"[*+]+x", "*+x"),
        (r"[]()*]+", "()"),
        (r"\(a+\)+", "(aa))"),
        (r"(?P<name>\w+) = (?P<value>.*)", "a = b"),
        (r"(?i:Warn)ing", "WARNING"),
        (r"(\d{1,3}\.){3}\d{1,3}", "10.0.0.1"),
        (r"(?<!no )errors?", "2 errors"),
        ("(a+)?b", "aab"),
    ],
)
def test_what_is_written_every_day_is_searched_for(pattern: str, line: str) -> None:
    assert compile_pattern(pattern).search(line)


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",
        "(a*)*",
        r"(\w+\s?)+$",
        r"^(([a-z])+.)+[A-Z]([a-z])+$",
        "(?:a+b?)*c",
        "((a|b+)c)+",
        "(a{2,})+",
        "(?P<x>.*)*",
        "([^x]+)+?",
    ],
)
def test_a_repetition_of_a_repetition_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidInputError, match="may never end") as caught:
        compile_pattern(pattern)

    assert caught.value.data["grep"] == pattern


@pytest.mark.parametrize(
    "pattern", ["(", "[a", "*", "a{99999999999999999999}", "(?P<a>", "(" * 5000]
)
def test_what_is_no_expression_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidInputError, match="is no regular expression"):
        compile_pattern(pattern)

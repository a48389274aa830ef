"""What others search for is found, and cannot take for ever."""

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_core.errors import InvalidInputError
from synapse_core.operations.search_pattern import SearchPattern

A_LONG_LINE_S = 2.0
"""A search in 8,000 characters takes a fraction of it, on a busy machine too."""


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
        (r"^\s+at \S+$", "  at main.py"),
        (r"\berrors?\b", "2 errors"),
        (r"(\w+\s?)+$", "any words"),
        ("größe|ü.", "die GRÖSSE, über"),
        ("x", "\udc80x"),
        ("(a+)?b", "aab"),
    ],
)
def test_what_is_written_every_day_is_searched_for(pattern: str, line: str) -> None:
    assert SearchPattern(pattern).is_in(line)


@pytest.mark.parametrize(("pattern", "line"), [("^b", "ab"), (r"a\.b", "aab"), ("ä", "o")])
def test_what_is_not_there_is_not_found(pattern: str, line: str) -> None:
    assert not SearchPattern(pattern).is_in(line)


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        ("(a+)+$", "a" * 8000 + "!"),
        ("(a|aa)+$", "a" * 8000 + "!"),
        ("(a|a?)+$", "a" * 8000 + "!"),
        ("(?:a|a|a|a)*$", "a" * 8000 + "!"),
        ("([a-zA-Z]+)*$", "a" * 8000 + "!"),
        ("(.*)*x", "a" * 8000),
        ("(.*a){20}$", "a" * 8000 + "!"),
        ("(.*a){10}x", "a" * 8000),
        (".*.*.*.*=.*.*x", "=" * 8000),
        ("(x+x+)+y", "x" * 8000),
        ("(x+)*(x+)*(x+)*y", "x" * 8000),
        ("a*a*a*a*a*a*a*a*b", "a" * 8000),
        ("(a?){300}a{300}b", "a" * 600),
        (r"(\w+\s?)+$", "word " * 1600 + "!"),
        (r"(\d+)*[^\d]$", "1" * 8000 + "a1"),
        (r"^(([a-z])+.)+[A-Z]([a-z])+$", "a" * 8000),
        (r"^([\w.-]+)+@([\w-]+\.)+\w+$", "a.b-c" * 1600),
        (r"^(?:(?:[^,]*),)*[^,]*$x", "a," * 4000),
        (r"\s+$|\s+x", " " * 8000 + "y"),
        ("(.{1,30}){1,30}x", "ab" * 4000),
        ("(.{0,900})y.{0,90}", "ab" * 4000),
        (".*a.{900}b", "a" * 8000),
        ("(a|b)*a(a|b){12}(a|b){12}x", "ab" * 4000),
        ("(((((a*)*)*)*)*)*b", "a" * 8000),
        ("(?:" * 2000 + "a" + ")*" * 2000, "a" * 8000),
        ("|" * 499, "a" * 8000),
    ],
)
def test_a_pattern_that_other_engines_would_never_finish_is_searched_for(
    pattern: str, line: str
) -> None:
    began = time.monotonic()

    SearchPattern(pattern).is_in(line)

    assert time.monotonic() - began < A_LONG_LINE_S


@pytest.mark.parametrize(
    "pattern",
    [
        "((a{1000}){1000}){1000}",
        "(?:a{0,1000}){0,1000}b",
        "a{1,500}" * 60,
        r"(\p{L}|\d){1,999}(\p{L}|\d){1,999}",
        "(" * 5000,
    ],
)
def test_a_pattern_that_would_fill_the_memory_is_refused(pattern: str) -> None:
    began = time.monotonic()

    with pytest.raises(InvalidInputError, match="is no regular expression"):
        SearchPattern(pattern)

    assert time.monotonic() - began < A_LONG_LINE_S


@pytest.mark.parametrize(
    "pattern",
    ["(", "[a", "*", "(?P<a>", "\\", "[z-a]", r"(a)\1", "(?<!no )error", "(?=a)", "\udc80"],
)
def test_what_cannot_be_searched_for_is_refused_with_advice(pattern: str) -> None:
    with pytest.raises(InvalidInputError, match="is no regular expression") as caught:
        SearchPattern(pattern)

    assert caught.value.data["grep"] == pattern
    assert "backslash" in caught.value.hint


@given(st.text(alphabet="ab(){}[]|*+?.,1\\^$", max_size=30), st.text(alphabet="ab1.", max_size=50))
def test_any_pattern_is_searched_for_or_refused(pattern: str, line: str) -> None:
    with contextlib.suppress(InvalidInputError):
        SearchPattern(pattern).is_in(line)

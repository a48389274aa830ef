import json
from contextlib import suppress

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from synapse_core.config.yaml_text import MAX_DEPTH, MAX_NODES, Place, parse_yaml
from synapse_core.errors import ConfigError
from synapse_core.types import JSONValue


def parse(text: str) -> JSONValue:
    return parse_yaml(text, source="text", error=ConfigError).value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("# nothing but a comment", None),
        ("a: 1\nb: [1, 2.5, yes, ~]", {"a": 1, "b": [1, 2.5, True, None]}),
        ("when: 2026-01-01\nat: 12:30", {"when": "2026-01-01", "at": "12:30"}),
        ("a: 0x1F\nb: 017\nc: -0b11\nd: 1_000", {"a": 31, "b": 15, "c": -3, "d": 1000}),
        ("base: &b {x: 1, y: 2}\nmine: {<<: *b, x: 5}", {
            "base": {"x": 1, "y": 2},
            "mine": {"x": 5, "y": 2},
        }),
        ("a: &x [1]\nb: *x", {"a": [1], "b": [1]}),
        ("a: 'yes'\nb: \"1\"", {"a": "yes", "b": "1"}),
        ("text: |\n  two\n  lines\n", {"text": "two\nlines\n"}),
        ("{}", {}),
    ],
)  # fmt: skip
def test_yaml_is_read_as_json_values(text: str, value: JSONValue) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("a: .nan", 1, 4, ".nan, which is no number"),
        ("a: 1\nb: -.inf", 2, 4, "-.inf, which is no number"),
        ("a: " + "9" * 5000, 1, 4, "no number that JSON knows"),
        ("x: !!python/object:os.system ls", 1, 4, "!!python/object:os.system"),
        ("x: !mine {a: 1}", 1, 4, "!mine, which is not supported"),
        ("x: !!binary aGk=", 1, 4, "!!binary"),
        ("x: !!set {a, b}", 1, 4, "!!set"),
        ("a: &x [1, *x]", 1, 11, "from inside itself"),
        ("a: *gone", 1, 4, "not defined before"),
        ("a: 1\nb: 2\na: 3", 3, 1, "repeats the key 'a' of line 1"),
        ("a\n---\nb", 2, 1, "second document"),
        ("? [a]\n: b", 1, 3, "as a key"),
        ("a: [1", 2, 1, "is no YAML"),
        ("a: b: c", 1, 5, "is no YAML"),
        ("[" * 100_000, 1, MAX_DEPTH + 1, "nests deeper"),
        ("- " * 20_000, 1, 2 * MAX_DEPTH + 1, "nests deeper"),
        ("a: {<<: 5}", 1, 4, "merges something"),
    ],
)
def test_what_json_cannot_say_is_refused_with_its_place(
    text: str, line: int, column: int, words: str
) -> None:
    with pytest.raises(ConfigError, match="text") as caught:
        parse(text)

    assert words in caught.value.message
    assert caught.value.data["line"] == line
    assert caught.value.data["column"] == column
    assert caught.value.hint
    assert len(str(caught.value)) < 300


def test_a_control_character_is_refused() -> None:
    with pytest.raises(ConfigError, match="x0000"):
        parse("a\0b")


def test_aliases_cannot_make_a_small_text_huge() -> None:
    bomb = "a0: &a0 [1]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)
    )

    with pytest.raises(ConfigError, match=str(MAX_NODES)):
        parse(bomb)


def test_each_value_knows_where_its_key_stands_and_how_it_was_written() -> None:
    read = parse_yaml("a:\n  port: 0080\n  on: yes\nb: [x, 2]", source="t", error=ConfigError)

    assert read.places[("a", "port")] == Place(2, 3, "0080")
    assert read.places[("a", "on")] == Place(3, 3, "yes")
    assert read.places[("b", 1)] == Place(4, 8, "2")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abcxyz", min_size=1), inner),
    max_leaves=20,
)


@given(JSON)
def test_whatever_json_says_is_read_back_from_yaml(value: JSONValue) -> None:
    assert parse(yaml.safe_dump(value, allow_unicode=True)) == json.loads(json.dumps(value))


@given(st.text(st.sampled_from(list("ab:-[]{}&*!|>'\"#%@?,~< \n\t0.\0é")), max_size=40))
def test_no_text_ends_in_anything_but_a_value_or_an_error_of_ours(text: str) -> None:
    with suppress(ConfigError):
        json.dumps(parse(text), allow_nan=False)

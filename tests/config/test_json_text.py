import json
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_core.config.json_text import parse_json_object, remove_json_value, set_json_value
from synapse_core.errors import ConfigError
from synapse_core.types import JSONObject, JSONValue

BY_HAND = """\
// how I like it
{
    "theme": "dark", // at night
    "mcpServers": {
        /* the old one */
        "files": {"command": "npx", "args": ["-y", "files"]}, // keep
    },
    "url": "http://not // a comment",
}
"""


def put(text: str, path: list[str], value: JSONValue) -> str:
    return set_json_value(text, path, value, source="settings.json")


def drop(text: str, path: list[str]) -> str:
    return remove_json_value(text, path, source="settings.json")


def read(text: str) -> JSONObject:
    return parse_json_object(text, "settings.json")


def test_a_new_member_comes_last_and_everything_else_stays() -> None:
    assert put(BY_HAND, ["mcpServers", "synapse"], {"command": "s"}) == BY_HAND.replace(
        '"files"]}, // keep\n',
        '"files"]}, // keep\n        "synapse": {\n            "command": "s"\n        }\n',
    )


def test_a_missing_object_is_made() -> None:
    assert put('{\n  "a": 1\n}\n', ["mcp", "servers", "x"], {}) == (
        '{\n  "a": 1,\n  "mcp": {\n    "servers": {\n      "x": {}\n    }\n  }\n}\n'
    )


@pytest.mark.parametrize("text", ["", "\n", "// nothing yet\n"])
def test_an_empty_file_becomes_an_object(text: str) -> None:
    changed = put(text, ["a"], 1)

    assert changed.startswith(text)
    assert read(changed) == {"a": 1}


def test_a_value_is_replaced_in_its_place() -> None:
    assert put(BY_HAND, ["theme"], "light") == BY_HAND.replace('"dark"', '"light"')


def test_setting_and_removing_gives_the_same_text_again() -> None:
    text = '{\n  "a": 1,\n  "b": {\n    "c": 2\n  }\n}\n'

    assert drop(put(text, ["b", "d"], {"x": [1]}), ["b", "d"]) == text
    assert drop(put(text, ["d"], 5), ["d"]) == text


@pytest.mark.parametrize("key", ["a", "b", "c"])
def test_removing_a_member_takes_its_comma_along_and_no_other_comment(key: str) -> None:
    text = '{\n  // about a\n  "a": 1,\n  // about b\n  "b": 2, // two\n  // end\n  "c": 3\n}'

    changed = drop(text, [key])

    assert read(changed) == {k: v for k, v in {"a": 1, "b": 2, "c": 3}.items() if k != key}
    for comment in ("// about a", "// about b", "// two", "// end"):
        assert comment in changed


def test_removing_what_is_not_there_changes_nothing() -> None:
    assert drop(BY_HAND, ["mcpServers", "gone"]) == BY_HAND
    assert drop(BY_HAND, ["gone", "gone"]) == BY_HAND


def test_line_ends_and_byte_order_mark_stay() -> None:
    text = '\ufeff{\r\n  "a": 1\r\n}\r\n'

    assert put(text, ["b"], [1]) == '\ufeff{\r\n  "a": 1,\r\n  "b": [\r\n    1\r\n  ]\r\n}\r\n'


def test_of_two_members_of_one_name_the_last_counts() -> None:
    assert put('{"a": 1, "a": 2}', ["a"], 3) == '{"a": 1, "a": 3}'


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ('{"a": 1', 1, 8),
        ('{\n  "a": 1\n  "b": 2\n}', 3, 3),
        ("{'a': 1}", 1, 2),
        ('{"a": 1} trailing', 1, 10),
        ('{"a": /* open }', 1, 7),
    ],
)
def test_broken_json_is_named_with_its_place(text: str, line: int, column: int) -> None:
    with pytest.raises(ConfigError, match="is no JSON") as caught:
        put(text, ["x"], 1)

    assert (caught.value.data["line"], caught.value.data["column"]) == (line, column)


@pytest.mark.parametrize("text", ["[]", '"text"', "5", "[" * 100_000])
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        put(text, ["x"], 1)


def test_something_else_on_the_way_is_not_replaced() -> None:
    with pytest.raises(ConfigError, match="mcpServers is no object"):
        put('{"mcpServers": []}', ["mcpServers", "x"], 1)


KEYS = st.sampled_from(["a", "b", "c", 'quo"te', "sla/*sh", "//"])
VALUES = st.recursive(
    st.none() | st.integers() | st.text(st.sampled_from('a,}]/*"\\ \n{[:'), max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=10,
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=4)


@st.composite
def json_text(draw: st.DrawFn) -> tuple[str, dict[str, JSONValue]]:
    """Return an object and a text of it with comments and odd spacing."""
    value = cast("dict[str, JSONValue]", draw(OBJECTS))
    lines = json.dumps(value, indent=draw(st.sampled_from([None, 1, 2, "\t"]))).split("\n")
    comments = st.sampled_from(["", "", " // note, }", " /* }, */"])
    end = draw(st.sampled_from(["\n", "\r\n"]))
    return end.join(line + draw(comments) for line in lines) + end, value


@given(json_text(), KEYS, KEYS, VALUES)
def test_setting_changes_that_one_value_and_no_comment(
    given_text: tuple[str, dict[str, JSONValue]], first: str, second: str, value: JSONValue
) -> None:
    text, data = given_text
    inner = data.get(first, {})
    if isinstance(inner, dict):
        changed = put(text, [first, second], value)
        assert read(changed) == {**data, first: {**inner, second: value}}
        if second not in inner:
            assert count_comments(changed) == count_comments(text) + count_comments_in(value)


@given(json_text(), KEYS)
def test_removing_takes_that_one_value(
    given_text: tuple[str, dict[str, JSONValue]], key: str
) -> None:
    text, data = given_text

    assert read(drop(text, [key])) == {k: v for k, v in data.items() if k != key}


def count_comments(text: str) -> int:
    return text.count("// note, }") + text.count("/* }, */")


def count_comments_in(value: JSONValue) -> int:
    return count_comments(json.dumps(value))

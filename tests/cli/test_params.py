import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_core.errors import ParamsError
from synapse_core.types import JSONObject, JSONValue
from synapse_mcp.cli.params import MAX_BYTES, MAX_DEPTH, parse_params, parse_variables


def parse(*words: str, stdin: bytes = b"") -> JSONObject:
    return parse_params(words, stdin=io.BytesIO(stdin))


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("x=10", 10),
        ("x=-1.5e3", -1500.0),
        ("x=true", True),
        ("x=null", None),
        ("x=cat", "cat"),
        ('x="10"', "10"),
        ("x=[1, 2.5]", [1, 2.5]),
        ('x={"a": [1]}', {"a": [1]}),
        ("x=", ""),
        ("x=a=b", "a=b"),
        ("x=01", "01"),
        ("x='q'", "'q'"),
        ("x=@home", "@home"),
        ("x=日本", "日本"),
    ],
)
def test_a_value_is_json_if_it_can_be_and_text_if_not(word: str, value: JSONValue) -> None:
    assert parse(word) == {"x": value}


def test_dotted_keys_lead_into_objects() -> None:
    assert parse("model.lr=0.1", "model.layers.first=8", "a\\.b=1") == {
        "model": {"lr": 0.1, "layers": {"first": 8}},
        "a.b": 1,
    }


def test_later_ones_win_and_objects_join(tmp_path: Path) -> None:
    file = tmp_path / "base.yaml"
    file.write_text("epochs: 10\nmodel:\n  lr: 0.1\n  name: big\n", encoding="utf-8")

    assert parse(f"@{file}", '{"epochs": 20, "model": {"lr": 0.2}}', "model.lr=0.3") == {
        "epochs": 20,
        "model": {"lr": 0.3, "name": "big"},
    }


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.json", '{"a": [1, 2]}'),
        ("p.yaml", "a:\n  - 1\n  - 2\n"),
        ("p.yml", "a: [1, 2]"),
        ("p.txt", '{"a": [1, 2]}'),
        ("p", "a: [1, 2]"),
        ("p.json", '\ufeff{"a": [1, 2]}'),
    ],
)
def test_a_file_may_be_json_or_yaml(tmp_path: Path, name: str, text: str) -> None:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")

    assert parse(f"@{file}") == {"a": [1, 2]}
    assert parse("-", stdin=text.encode()) == {"a": [1, 2]}


@pytest.mark.parametrize("text", [b"", b"# nothing\n", b"{}", b"\n\n"])
def test_nothing_to_read_is_no_params(text: bytes) -> None:
    assert parse("-", stdin=text) == {}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["x"], "is no param"),
        (["=1"], "is no param"),
        (["--epochs"], "is no param"),
        (["a..b=1"], "a part of it is empty"),
        (["a.=1"], "a part of it is empty"),
        (["x=NaN"], "The value of x is NaN"),
        (["x=-Infinity"], "-Infinity, which is no number"),
        (["x=1e999"], "1e999, which is no number"),
        (["x=" + "9" * 5000], "999…, which is no number"),
        (["x=[NaN]"], "The value of x has NaN"),
        (["x=[1"], "column 3, is no JSON"),
        (["{'a': 1}"], "column 2, is no JSON"),
        (['{"a": 1, "a": 2}'], "'a' stands in it twice"),
        (["x=" + "[" * 100_000], "nests too deep"),
        (["x=" + "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)], "nest deeper than"),
        (["a=1", "a.b=2"], "a.b leads into a, which is no object but 1"),
        (["x=\udcff"], "half of a character"),
        (['{"x": "\\ud800"}'], "half of a character"),
        (["-", "-"], "named twice"),
        (["@"], "names no file"),
        (["@/no/such/file.json"], "No such file"),
        (["@/"], "Is a directory"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_remedy(words: list[str], said: str) -> None:
    with pytest.raises(ParamsError) as caught:
        parse(*words)

    assert said in caught.value.message
    assert caught.value.hint
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[1]", "holds a list"),
        (b"5", "holds a single value"),
        (b"a: [1", "line 2, column 1, is no YAML"),
        (b'{"a": 1,}', "line 1, column 9, is no JSON"),
        (b"a: .nan", "column 4, has .nan"),
        (b"a: !!python/name:os.system ''", "which is not supported"),
        (b"\xff\xfe", "byte 0 is 0xff"),
        (b"a: " + b"x" * (MAX_BYTES + 1), "larger than 16 MiB"),
    ],
)
def test_input_that_cannot_be_read_is_named_with_its_place(content: bytes, said: str) -> None:
    with pytest.raises(ParamsError) as caught:
        parse("-", stdin=content)

    assert said in caught.value.message
    assert caught.value.message.startswith("standard input")


def test_a_file_without_end_is_not_read_for_ever() -> None:
    with pytest.raises(ParamsError, match="larger than"):
        parse("@/dev/zero")


def test_variables_stay_text() -> None:
    assert parse_variables(["A=1", "B=", "C=x=y"]) == {"A": "1", "B": "", "C": "x=y"}
    for wrong in ("A", "=1"):
        with pytest.raises(ParamsError, match="NAME=value"):
            parse_variables([wrong])


KEYS = st.text("abcxyz_", min_size=1, max_size=5)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
    max_leaves=15,
)


@given(st.dictionaries(KEYS, VALUES))
def test_any_params_survive_each_way_of_giving_them(params: dict[str, JSONValue]) -> None:
    text = json.dumps(params, ensure_ascii=False)

    assert parse(text) == params
    assert parse("-", stdin=text.encode()) == params
    assert parse(*(f"{key}={json.dumps(value)}" for key, value in params.items())) == params


@given(
    st.lists(st.text(st.sampled_from(list('ab.=@-{}[]":,1 \\é\udc80')), max_size=12), max_size=3)
)
def test_no_words_end_in_anything_but_params_or_an_error_of_ours(words: list[str]) -> None:
    try:
        params = parse(*words)
    except ParamsError:
        return
    json.dumps(params, allow_nan=False).encode()

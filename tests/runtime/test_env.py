# ruff: noqa: ANN401 - values of wrong types are what these tests are about

import json
import pickle
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_core.context.env import PluginEnvironment
from synapse_core.errors import (
    EnvironmentKeyError,
    EnvironmentValueError,
    InvalidInputError,
    StorageError,
)

SECRET = "hunter2-s3cr3t"
TYPED = ["get_int", "get_float", "get_bool", "get_list", "get_str"]


def test_variables_of_the_process_lose_their_prefix() -> None:
    env = PluginEnvironment.from_environ(
        prefix="PLUGIN_", environ={"PLUGIN_API_KEY": "k", "PATH": "/bin", "PLUGIN_": "nameless"}
    )

    assert env.to_dict() == {"API_KEY": "k"}


def test_without_a_prefix_all_variables_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNAPSE_TEST_ONLY", "here")

    assert PluginEnvironment.from_environ()["SYNAPSE_TEST_ONLY"] == "here"


def test_typed_getters_read_text() -> None:
    env = PluginEnvironment(
        {"SIZE": "32", "RATE": "1e-3", "DEBUG": "Yes", "TAGS": "a, b,,c ", "NAME": " x "}
    )

    assert env.get_int("SIZE") == 32
    assert env.get_float("RATE") == 0.001
    assert env.get_float("SIZE") == 32.0
    assert env.get_bool("DEBUG") is True
    assert env.get_list("TAGS") == ["a", "b", "c"]
    assert env.get_str("NAME") == " x "


@pytest.mark.parametrize("word", ["true", "1", "YES", "on", " True "])
def test_words_for_yes(word: str) -> None:
    assert PluginEnvironment({"X": word}).get_bool("X") is True


@pytest.mark.parametrize("word", ["false", "0", "No", "OFF"])
def test_words_for_no(word: str) -> None:
    assert PluginEnvironment({"X": word}).get_bool("X") is False


@pytest.mark.parametrize("getter", TYPED)
def test_what_is_not_set_is_its_default(getter: str) -> None:
    env = PluginEnvironment()
    default = object()

    assert getattr(env, getter)("X", default=default) is default
    assert getattr(env, getter)("X", None) is None


@pytest.mark.parametrize("getter", TYPED)
def test_what_is_not_set_and_has_no_default_is_named_with_its_neighbour(getter: str) -> None:
    env = PluginEnvironment({"API_KEY": SECRET, "OTHER": "1"})

    with pytest.raises(EnvironmentKeyError) as caught:
        getattr(env, getter)("API_KEI")

    assert "'API_KEI'" in str(caught.value)
    assert "'API_KEY'" in caught.value.hint
    assert caught.value.data["key"] == "API_KEI"
    assert SECRET not in str(caught.value)


def test_a_name_in_another_case_is_the_nearest() -> None:
    env = PluginEnvironment({"KEYS": "1", "key": "2"})

    with pytest.raises(EnvironmentKeyError, match="Did you mean 'key'"):
        env.get_str("KEY")


def test_get_behaves_as_in_any_mapping() -> None:
    env = PluginEnvironment({"DEBUG": "true"})

    assert env.get("DEBUG", "false") == "true"
    assert env.get("MISSING", "false") == "false"
    assert env.get("MISSING") is None
    assert "DEBUG" in env
    assert "MISSING" not in env
    assert list(env) == ["DEBUG"]
    assert len(env) == 1
    assert env == {"DEBUG": "true"}
    with pytest.raises(KeyError):
        _ = env["MISSING"]


@pytest.mark.parametrize(
    ("getter", "value"),
    [
        ("get_int", SECRET),
        ("get_int", "3.5"),
        ("get_int", ""),
        ("get_int", "0x10"),
        ("get_int", "9" * 5000),
        ("get_float", SECRET),
        ("get_float", "nan"),
        ("get_float", "-inf"),
        ("get_float", "1e999"),
        ("get_bool", SECRET),
        ("get_bool", ""),
        ("get_bool", "2"),
        ("get_list", "[not json"),
        ("get_list", "[" * 100_000),
        ("get_list", "[null]"),
    ],
)
def test_a_wrong_value_is_told_by_key_and_kind_and_never_shown(getter: str, value: str) -> None:
    env = PluginEnvironment({"THE_KEY": value})

    with pytest.raises(EnvironmentValueError) as caught:
        getattr(env, getter)("THE_KEY", 1)

    told = f"{caught.value} {caught.value.data}"
    assert "THE_KEY" in told
    assert caught.value.hint
    assert SECRET not in told
    assert caught.value.__cause__ is None  # the cause of int() would quote the value


def test_repr_names_variables_without_values() -> None:
    env = PluginEnvironment({"API_KEY": SECRET})

    assert repr(env) == "<PluginEnvironment: API_KEY>"
    assert SECRET not in f"{env} {env!r}"
    many = PluginEnvironment({f"V{number}": SECRET for number in range(1000)})
    assert len(repr(many)) < 200


def test_merging_works_on_an_instance_and_on_the_class() -> None:
    one = PluginEnvironment({"a": "1", "b": "1"})
    other = PluginEnvironment({"b": "2", "c": "2"})
    expected = {"a": "1", "b": "2", "c": "2"}

    assert one.merge(other) == expected
    assert PluginEnvironment.merge(one, other) == expected
    assert PluginEnvironment.merge({"a": 1}, {"b": 2}, {"c": 2}) == expected
    assert one == {"a": "1", "b": "1"}
    assert isinstance(one.merge(other), PluginEnvironment)


def test_a_copy_is_no_way_in() -> None:
    env = PluginEnvironment({"a": "1"})

    env.to_dict()["a"] = "2"

    assert env["a"] == "1"


def test_it_crosses_processes() -> None:
    env = PluginEnvironment({"a": "1"})

    assert pickle.loads(pickle.dumps(env)) == env  # noqa: S301 what we pickled ourselves


def test_values_become_text_as_toml_writes_them() -> None:
    env = PluginEnvironment(
        {
            "n": 3,
            "f": 0.5,
            "b": True,
            "l": ["a,b", 1, False],
            "p": Path("/x"),
            "d": date(2030, 1, 2),
        }
    )

    assert env.to_dict() == {
        "n": "3",
        "f": "0.5",
        "b": "true",
        "l": '["a,b", "1", "false"]',
        "p": "/x",
        "d": "2030-01-02",
    }
    assert env.get_list("l") == ["a,b", "1", "false"]
    assert env.get_bool("b") is True


@pytest.mark.parametrize("value", [None, {"a": SECRET}, object(), b"bytes", {1}])
def test_what_has_no_text_form_is_refused(value: object) -> None:
    with pytest.raises(EnvironmentValueError, match="'KEY'") as caught:
        PluginEnvironment({"KEY": value})

    assert SECRET not in str(caught.value)


def test_a_toml_file_gives_scalars_lists_and_dotted_names(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(
        'API_KEY = "k"\nSIZE = 32\nDEBUG = true\nTAGS = ["a", "b"]\nWHEN = 2030-01-02\n'
        '[database]\nhost = "h"\n[database.pool]\nsize = 4\n',
        encoding="utf-8",
    )

    env = PluginEnvironment.from_file(file)

    assert env.get_str("API_KEY") == "k"
    assert env.get_int("SIZE") == 32
    assert env.get("DEBUG", "false") == "true"
    assert env.get_list("TAGS") == ["a", "b"]
    assert env.get_str("database.host") == "h"
    assert env.get_int("database.pool.size") == 4
    assert env["WHEN"] == "2030-01-02"
    assert PluginEnvironment.from_file(str(file)) == env


def test_a_missing_file_is_told_with_where_paths_begin(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No such file") as caught:
        PluginEnvironment.from_file(tmp_path / "nowhere.toml")

    assert str(Path.cwd()) in caught.value.hint


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'A = "x\n', "line 1"),
        (b"\xff\xfe", "UnicodeDecodeError"),
        (b"A = " + b"[" * 100_000, "RecursionError|line 1"),
        (b"A = 1\nA = 2\n", "line 2"),
    ],
)
def test_a_broken_file_is_told_with_its_place(tmp_path: Path, content: bytes, told: str) -> None:
    file = tmp_path / "broken.toml"
    file.write_bytes(content)

    with pytest.raises(InvalidInputError, match=told):
        PluginEnvironment.from_file(file)


@given(st.lists(st.text().filter(lambda text: "\x00" not in text)))
def test_any_list_survives_the_way_through_text(items: list[str]) -> None:
    env = PluginEnvironment({"L": items})

    assert env.get_list("L") == items
    assert json.loads(env["L"]) == items


@given(st.one_of(st.integers(-(10**50), 10**50), st.floats(allow_nan=False, allow_infinity=False)))
def test_any_number_survives_the_way_through_text(number: Any) -> None:
    env = PluginEnvironment({"N": number})

    assert env.get_float("N") == float(number)
    if isinstance(number, int):
        assert env.get_int("N") == number

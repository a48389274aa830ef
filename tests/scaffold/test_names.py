"""Which names are refused, and what is suggested instead."""

import keyword
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_core.errors import InvalidInputError
from synapse_core.scaffold.names import (
    MAX_ACTION_CHARS,
    MAX_CODE_CHARS,
    build_class_name,
    build_function_name,
    build_title,
    check_action_name,
    check_plugin_code,
    check_text,
)


@pytest.mark.parametrize("code", ["a", "first_steps", "yolo11", "x_1", "a" * MAX_CODE_CHARS])
def test_a_plain_name_is_taken_as_it_is(code: str) -> None:
    assert check_plugin_code(code) == code


@pytest.mark.parametrize(
    ("code", "reason", "suggestion"),
    [
        ("", "it is empty", "my_plugin"),
        ("My Plugin", "lower-case letters", "my_plugin"),
        ("HTTPServer v2", "lower-case letters", "httpserver_v2"),
        ("imageQuality", "lower-case letters", "image_quality"),
        ("Größe", "lower-case letters", "groe"),
        ("数据", "lower-case letters", "my_plugin"),
        ("2fast", "lower-case letters", "fast"),
        ("_private", "lower-case letters", "private"),
        ("a__b", "lower-case letters", "a_b"),
        ("trailing_", "lower-case letters", "trailing"),
        ("class", "keyword", "my_class"),
        ("json", "hide Python's own module", "my_json"),
        ("pydantic", "hide a library that Synapse", "my_pydantic"),
        ("torch", "hide the well-known library", "my_torch"),
        ("tests", "another meaning", "my_tests"),
        ("con", "Windows", "my_con"),
        ("com1", "Windows", "my_com1"),
        ("a" * (MAX_CODE_CHARS + 1), "41 characters", "a" * MAX_CODE_CHARS),
    ],
)
def test_a_code_that_would_do_harm_is_refused_with_one_that_works(
    code: str, reason: str, suggestion: str
) -> None:
    with pytest.raises(InvalidInputError, match=reason) as caught:
        check_plugin_code(code)

    assert caught.value.data["suggestion"] == suggestion
    assert suggestion in caught.value.hint
    check_plugin_code(suggestion)


@pytest.mark.parametrize(
    "code",
    [
        *("..", ".", "../up", "/etc/passwd", "a/b", "a\\b", "a\nb", "a\0b", "-rf", "~", "a b"),
        *("\x1b[31mred", "\u202eevil", "\ud800", "x" * 100_000, "C:\\x", "a.py", "{{ 7*7 }}"),
    ],
)
def test_a_hostile_code_is_refused_and_shown_harmlessly(code: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        check_plugin_code(code)

    shown = str(caught.value)
    assert shown.isprintable()
    assert len(shown) < 500


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("import", "my_import"),
        ("test_it", "my_test_it"),
        ("it_test", "my_action"),
        ("", "my_action"),
    ],
)
def test_an_action_name_that_would_do_harm_is_refused(name: str, suggestion: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        check_action_name(name)

    assert caught.value.data["suggestion"] == suggestion


@pytest.mark.parametrize("name", ["json", "filter", "export", "a" * MAX_ACTION_CHARS])
def test_an_action_may_be_called_like_a_module_since_it_lives_in_a_package(name: str) -> None:
    assert check_action_name(name) == name


@given(st.text(max_size=100))
def test_every_suggestion_is_accepted(code: str) -> None:
    for check in (check_plugin_code, check_action_name):
        try:
            check(code)
        except InvalidInputError as error:
            check(str(error.data["suggestion"]))


def test_no_module_of_python_can_be_hidden() -> None:
    accepted: list[str] = []
    for name in {*sys.stdlib_module_names, *keyword.kwlist}:
        try:
            accepted.append(check_plugin_code(name))
        except InvalidInputError:
            continue

    assert accepted == []


def test_derived_names_follow_the_customs_of_python() -> None:
    assert build_class_name("propose_boxes") == "ProposeBoxes"
    assert build_class_name("yolo11_export") == "Yolo11Export"
    assert build_title("propose_boxes") == "Propose boxes"
    assert build_function_name("resize") == "resize"
    assert build_function_name("filter") == "filter_action"


def test_a_text_is_one_line_of_bounded_length() -> None:
    assert check_text("  Counts: 'all' of it  ", "title") == "Counts: 'all' of it"
    for text in ("a\nb", "a\x1b[0m", "a\u2028b", "\u202eab", "x" * 201):
        with pytest.raises(InvalidInputError, match="The title h"):
            check_text(text, "title")

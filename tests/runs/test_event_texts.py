from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_core.logs.redact import REDACTED, Redactor
from synapse_core.model.event import LogLevel
from synapse_core.runs.event_texts import redact_texts
from synapse_core.runs.records import as_recorded, encode_data
from synapse_core.types import JSONValue

SECRET = "hunter2-hunter2"
REDACTOR = Redactor([SECRET])

TEXTS = st.text() | st.sampled_from([SECRET, f"with {SECRET} in it", "token", "--token", "x"])
KEYS = TEXTS | st.sampled_from(["name", "key", "value", "password", "max_tokens"])
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


class Word(StrEnum):
    SECRET = "hunter2-hunter2"
    HARMLESS = "harmless"


class Holder:
    def __repr__(self) -> str:
        return f"Holder({SECRET})"


@given(PLAIN)
def test_what_is_plain_already_loses_the_same_secrets(value: JSONValue) -> None:
    redacted = redact_texts({"fields": value}, REDACTOR)

    assert encode_data(redacted) == encode_data(
        {
            "fields": REDACTOR.text(value)
            if isinstance(value, str)
            else REDACTOR.value(as_recorded(value))
        }
    )


@pytest.mark.parametrize(
    "value",
    [
        [Holder()],
        {"a": Holder()},
        {Holder(): 1},
        {1: SECRET, "2": 3},
        [Word.SECRET],
        {Word.SECRET: Word.SECRET},
        (SECRET, {SECRET}),
        [[[[[[SECRET]]]]]],
        [f"{SECRET}\udc80"],
        {"a": SECRET.encode()},
    ],
)
def test_what_is_not_plain_shows_no_secret_either(value: JSONValue) -> None:
    recorded = encode_data(redact_texts({"fields": value}, REDACTOR))

    assert b"hunter2" not in recorded
    assert REDACTED.encode() in recorded


def test_what_holds_itself_ends() -> None:
    circle: list[JSONValue] = [SECRET]
    circle += [circle, circle]

    assert b"hunter2" not in encode_data(redact_texts({"fields": circle}, REDACTOR))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**4000, "\udc80"])
def test_what_json_cannot_say_is_recorded_as_its_text(value: JSONValue) -> None:
    recorded = encode_data(redact_texts({"fields": {"a": [value]}}, REDACTOR))

    assert recorded == encode_data({"fields": as_recorded({"a": [value]})})


def test_a_member_becomes_its_text() -> None:
    redacted = redact_texts({"level": LogLevel.INFO, "message": Word.HARMLESS}, REDACTOR)

    assert redacted == {"level": "info", "message": "harmless"}
    assert {type(text) for text in redacted.values()} == {str}

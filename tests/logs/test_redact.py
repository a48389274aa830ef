import base64
import html
import json
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from synapse_core.logs.redact import REDACTED, Redactor
from synapse_core.logs.secret_names import is_secret_name
from synapse_core.logs.secret_shapes import hide_marked_shapes, hide_shapes
from synapse_core.types import JSONValue
from tests.logs.secrets import HARMLESS, HARMLESS_NAMES, LINES, SECRET_NAMES, SECRETS

PEM_LINE = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"
PEM = "\n".join(
    ["-----BEGIN " + "RSA PRIVATE KEY-----", *[PEM_LINE] * 3, "-----END " + "RSA PRIVATE KEY-----"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


# By shape


@pytest.mark.parametrize("kind", SECRETS)
@pytest.mark.parametrize(
    "line", ["{}", "got {} from it", "x='{}',", '"{}"', "a={};", "|{}|", "({})"]
)
def test_a_secret_of_a_known_shape_is_hidden(kind: str, line: str) -> None:
    secret = SECRETS[kind]
    shown = Redactor().text(line.format(secret))

    assert shown == line.format(REDACTED)


@pytest.mark.parametrize("line", LINES)
def test_a_secret_is_known_by_what_stands_around_it(line: str) -> None:
    secret = LINES[line]
    shown = Redactor().text(line.format(secret))

    assert shown == line.format(REDACTED)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_harmless_stays(text: str) -> None:
    assert Redactor(["hunter2"]).text(text) is text


def test_there_are_enough_examples() -> None:
    assert len(SECRETS) + len(LINES) >= 100
    assert len(HARMLESS) >= 50


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\\n", "\\r\\n"])
def test_a_private_key_is_hidden_whole(newline: str) -> None:
    text = f'before "{PEM.replace(chr(10), newline)}" after'

    assert Redactor().text(text) == f'before "{REDACTED}" after'


def test_a_private_key_that_was_cut_off_is_hidden_as_far_as_it_goes() -> None:
    assert Redactor().text(PEM[:120]) == REDACTED


def test_a_private_key_that_comes_line_by_line_is_hidden() -> None:
    shown = [Redactor().text(line) for line in PEM.splitlines()]

    assert PEM_LINE not in shown


# By value


@pytest.mark.parametrize(
    "secret",
    ["hunter2-very-secret", "p@ss/w0rd+&<ü>\"'\\%", "\N{SNOWMAN} says nothing", "line\ttab\x01"],
)
def test_a_given_secret_is_hidden_in_every_form(secret: str) -> None:
    hide = Redactor([secret]).text
    data = secret.encode()
    forms = [
        secret,
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        quote(secret, safe="").lower() if secret.islower() else secret,
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        json.dumps(json.dumps(secret))[3:-3],
        repr(secret)[1:-1],
        html.escape(secret, quote=False),
        data.hex(),
        data.hex().upper(),
    ]
    for form in forms:
        assert hide(f"x{form}x") == f"x{REDACTED}x", form


@pytest.mark.parametrize("before", ["", "u", "us", "user:"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_given_secret_is_hidden_within_base64(
    before: str, encode: Callable[[bytes], bytes]
) -> None:
    secret = "hunter2-very-secret"
    whole = encode(f"{before}{secret}!".encode()).decode()
    shown = Redactor([secret]).text(whole)

    assert shown.count(REDACTED) == 1
    # What is left holds the neighbours, and at most six bits of each end of the secret.
    assert len(whole) - len(shown.replace(REDACTED, "")) >= len(secret) * 8 // 6 - 1


def test_the_lines_of_a_given_secret_are_hidden_one_by_one() -> None:
    hide = Redactor([PEM.replace("RSA ", "SECRET ")]).text

    assert hide(f"> {PEM_LINE}") == f"> {REDACTED}"


@pytest.mark.parametrize("short", ["", " ", "a", "12345", "     \n"])
def test_short_values_are_no_secrets(short: str) -> None:
    text = f"a {short} 12345 b"

    assert Redactor([short]).text(text) is text


def test_a_secret_within_another_leaves_nothing_of_it() -> None:
    assert Redactor(["secret", "my-secret-too"]).text("my-secret-too!") == f"{REDACTED}!"


def test_the_environment_tells_what_is_secret() -> None:
    environ = {
        "GH_TOKEN": "gh-token-value",
        "PGPASSWORD": "pg-password",
        "DATABASE_URL": "postgres://app:db%2Fpass@host/x",
        "SERVICE_CREDENTIALS": json.dumps({"user": "service-user", "private_key": "service-key"}),
        "GOOGLE_APPLICATION_CREDENTIALS": "/etc/google/key.json",
        "MY_SECRET": "/etc/secret/file.pem",
        "PATH": "/usr/bin:/bin",
        "PWD": "/home/somebody",
        "SSH_AUTH_SOCK": "/run/ssh-agent",
        "TOKENIZERS_PARALLELISM": "false-or-true",
        "API_KEY": "short",
    }
    hide = Redactor.for_environment(environ).text
    hidden = ["gh-token-value", "pg-password", "db%2Fpass", "db/pass", "service-key"]
    shown = [
        "/etc/google/key.json",
        "/etc/secret/file.pem",
        "/usr/bin:/bin",
        "/home/somebody",
        "/run/ssh-agent",
        "false-or-true",
        "short",
        "service-user",
    ]

    assert [text for text in hidden if hide(text) != REDACTED] == []
    assert [text for text in shown if hide(text) != text] == []


# By key


@pytest.mark.parametrize(
    "name",
    SECRET_NAMES.split(),
)
def test_a_name_tells_of_a_secret(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    HARMLESS_NAMES.split(),
)
def test_a_name_is_harmless(name: str) -> None:
    assert not is_secret_name(name)


def test_below_the_name_of_a_secret_only_the_structure_stays() -> None:
    value: JSONValue = {
        "password": "x",
        "pin_secret": 1234,
        "token": 7,
        "max_tokens": 7,
        "apiKey": None,
        "auth": False,
        "cookie": "",
        "credentials": {"user": "me", "parts": ["a", 1, None, {"b": "c"}]},
        "list": [{"secret": "x", "note": "y"}],
    }

    assert Redactor().value(value) == {
        "password": REDACTED,
        "pin_secret": REDACTED,
        "token": 7,
        "max_tokens": 7,
        "apiKey": None,
        "auth": False,
        "cookie": "",
        "credentials": {"user": REDACTED, "parts": [REDACTED, REDACTED, None, {"b": REDACTED}]},
        "list": [{"secret": REDACTED, "note": "y"}],
    }


def test_names_beside_their_values_are_seen() -> None:
    value: JSONValue = {
        "env": [{"name": "API_KEY", "value": "abc"}, {"name": "MODE", "value": "fast"}],
        "headers": [{"key": "Authorization", "value": "abc"}],
        "args": ["run", "--token", "abc", "--password", "--mode", "fast", "--api-key=abc"],
    }

    assert Redactor().value(value) == {
        "env": [{"name": "API_KEY", "value": REDACTED}, {"name": "MODE", "value": "fast"}],
        "headers": [{"key": "Authorization", "value": REDACTED}],
        "args": [
            "run",
            "--token",
            REDACTED,
            "--password",
            "--mode",
            "fast",
            f"--api-key={REDACTED}",
        ],
    }


def test_texts_and_keys_are_searched_at_any_depth() -> None:
    secret = SECRETS["GitHub token"]

    assert Redactor(["hunter2"]).value({"a": [{f"k {secret}": ["hunter2"]}]}) == {
        "a": [{f"k {REDACTED}": [REDACTED]}]
    }


def test_what_is_nested_without_end_is_cut() -> None:
    value: JSONValue = "deep"
    for _ in range(900):
        value = [value]

    assert "deep" not in json.dumps(Redactor().value(value))


# Always


@pytest.mark.parametrize("line", LINES)
def test_json_stays_json(line: str) -> None:
    text = json.dumps({"message": line.format(LINES[line])})

    assert set(json.loads(Redactor().text(text))) == {"message"}


@pytest.mark.parametrize("number", ["123", "-1.5e3", "true", "null", '"text"', '{"a": 1}', "[1]"])
def test_a_bare_value_of_json_becomes_a_text(number: str) -> None:
    shown = json.loads(Redactor().text(f'{{"password": {number}, "x": 1}}'))

    assert shown["x"] == 1
    assert shown["password"] in [REDACTED, [REDACTED], True, None, {"a": 1}]


@given(st.text() | st.sampled_from([*LINES, *HARMLESS, *SECRETS.values()]))
@example("password=[redacted]")
@example("Authorization: Bearer [redacted]")
def test_redacting_again_changes_nothing(text: str) -> None:
    hide = Redactor(["hunter2"]).text
    once = hide(text)

    assert hide(once) == once


@pytest.mark.parametrize("line", LINES)
def test_a_line_without_its_secret_is_left_alone(line: str) -> None:
    hide = Redactor().text
    once = hide(line.format(LINES[line]))

    assert hide(once) == once


@given(JSON)
def test_a_value_keeps_its_form(value: JSONValue) -> None:
    shown = Redactor(["hunter2"]).value(value)

    json.dumps(shown)
    assert type(shown) is type(value) or shown == REDACTED
    assert Redactor(["hunter2"]).value(shown) == shown


@given(st.text(min_size=6).filter(lambda text: len(text.strip()) >= 6 and text not in REDACTED))
def test_a_given_secret_never_stays(secret: str) -> None:
    kept = Redactor([secret]).text(f"a {secret} b")

    assert secret.strip() not in kept.replace(REDACTED, "")


UNITS = [
    *[
        "a",
        "=",
        "x=",
        "://",
        "://a:",
        "password=",
        '"',
        '\\"',
        "key: ",
        "Bearer ",
        "eyJ",
        " ",
        "\\",
    ],
    *["-----BEGIN ", "curl -u ", "sk-a1", "login x password ", "@", "a.b-c_", "AKIA", "cookie:"],
    *["key=[", "basic ", "password 'x", "--token ", "https://a:b", "?sig=", "gl-"],
]


@pytest.mark.parametrize("unit", UNITS)
def test_no_text_takes_long(unit: str) -> None:
    text = unit * (200_000 // len(unit))
    start = time.process_time()
    Redactor(["hunter2"]).text(text)

    assert time.process_time() - start < 2


def test_a_usual_line_costs_next_to_nothing() -> None:
    hide = Redactor(["hunter2-very-secret"]).text
    line = "Loaded 1200 images from /data/train and resized them to 640 by 640 pixels"
    best = min([measured(hide, line) for _ in range(20)])

    assert best < 20e-6  # measured: 2 µs; the rest is for a busy machine


def measured(hide: Callable[[str], str], line: str) -> float:
    start = time.perf_counter()
    for _ in range(200):
        hide(line)
    return (time.perf_counter() - start) / 200


# Without looking twice

FRAGMENTS = st.sampled_from(
    [*UNITS, *LINES, *LINES.values(), *SECRETS.values(), *HARMLESS, "\t", "\n", "'", "7", "Z"]
)
SHORT_SECRETS = [
    "://:x@",
    " -ucurl:x",
    "PASSWORD 'x'",
    "password '\\x'",
    "IDENTIFIED BY 'x'",
    "?sig=12345678",
    "basic dTpwYWFh",
    "eyJ01234567.",
    "xoxb-0123456789",
    "sk_live_0123456789",
    "login a password b",
    "bearer 0Abcdefghijk",
]


def every_part(text: str, longest: int) -> set[str]:
    return {
        text[start : start + size]
        for start in range(len(text))
        for size in range(1, min(longest, len(text) - start) + 1)
    }


@pytest.mark.parametrize("example", [*SECRETS.values(), *LINES, *HARMLESS, *SHORT_SECRETS])
def test_a_short_text_is_looked_through_for_all_that_it_can_hold(example: str) -> None:
    texts = every_part(example.format("q9Z-x_1") if "{}" in example else example, longest=24)

    assert {text: hide_shapes(text) for text in texts} == {
        text: hide_marked_shapes(text) for text in texts
    }


@given(st.lists(FRAGMENTS | st.text(max_size=8), max_size=4).map("".join), st.data())
def test_a_text_without_a_mark_holds_no_shape(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    part = text[start : start + data.draw(st.integers(0, 60))]

    assert hide_shapes(part) == hide_marked_shapes(part)
    assert hide_shapes(text) == hide_marked_shapes(text)


@given(st.lists(FRAGMENTS, max_size=5))
def test_a_name_that_comes_again_loses_the_same_secrets(names: list[str]) -> None:
    redactor = Redactor(["hunter2"])

    for name in [*names, *names]:
        assert redactor.name(name) == redactor.text(name)


def test_names_without_end_are_still_looked_through() -> None:
    redactor = Redactor(["hunter2"])
    shown = [redactor.name(f"name {number} hunter2") for number in range(1_200)]

    assert shown == [f"name {number} {REDACTED}" for number in range(1_200)]

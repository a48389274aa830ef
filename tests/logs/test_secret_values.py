"""Which texts are secrets because of the names they stand under."""

from synapse_core.logs.redact import REDACTED, Redactor
from synapse_core.logs.secret_values import secrets_in
from synapse_core.types import JSONObject


def test_texts_below_a_name_that_tells_of_a_secret_are_found_at_any_depth() -> None:
    content: JSONObject = {
        "epochs": 3,
        "api_key": "one-key",
        "service": {"credentials": {"user": "two", "more": ["three", 4, None]}},
        "headers": [{"name": "Authorization", "value": "four"}, {"name": "Accept", "value": "no"}],
        "max_tokens": "no",
    }

    assert sorted(secrets_in(content)) == ["four", "one-key", "three", "two"]


def test_a_run_keeps_what_it_was_given_in_params_and_variables() -> None:
    redactor = Redactor.for_run({"DB_PASSWORD": "from-variable"}, {"token": "from-param"})

    assert redactor.text("from-variable, from-param, else") == f"{REDACTED}, {REDACTED}, else"


def test_in_source_a_name_alone_makes_no_secret() -> None:
    redactor = Redactor(["hunter2x"])
    source = 'run_start {"params": {"api_key": "your key"}} # token: str = "none yet"'

    assert redactor.source(source) is source
    assert redactor.source("key = hunter2x") == f"key = {REDACTED}"
    assert redactor.source("ghp_" + "a1B2" * 9) == REDACTED

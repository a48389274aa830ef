"""What may be shown of a run holds none of its secrets."""

import json
from dataclasses import asdict

import pytest

from synapse_core.logs.redact import REDACTED
from synapse_core.model.run import Frame, Run, RunFailure, RunSummary
from synapse_core.operations.discretion import without_secrets
from tests.logs.secrets import SECRETS

VARIABLE = "variable-hunter2"
PARAM = "param-hunter2"


def a_run(text: str) -> Run:
    """Return a run in which the text stands wherever a text can."""
    failure = RunFailure(
        type="ValueError",
        message=text,
        hint=text,
        where=Frame("actions.py", 3, "run", text),
        traceback=text,
    )
    return Run(
        id="20260131-120000-abcdefgh",
        plugin="p",
        action="a",
        entrypoint="actions:a",
        plugin_path="/plugins/p",
        params={"text": text, "deep": [{"api_key": PARAM}]},
        env={"SERVICE_TOKEN": VARIABLE, "PLAIN": text},
        idempotency_key=text,
        result={"said": [text]},
        failure=failure,
        summary=RunSummary(metrics={"train": {"note": text}}, last_message=text),
        created_at=1.0,
    )


@pytest.mark.parametrize("secret", [VARIABLE, PARAM, *SECRETS.values()])
def test_no_part_of_a_run_shows_a_secret(secret: str) -> None:
    shown = json.dumps(asdict(without_secrets(a_run(f"it said {secret} twice"))))

    assert secret not in shown
    assert f"it said {REDACTED} twice" in shown
    assert VARIABLE not in shown
    assert PARAM not in shown


def test_what_is_no_secret_stays() -> None:
    run = without_secrets(a_run("trained"))

    assert run.params == {"text": "trained", "deep": [{"api_key": REDACTED}]}
    assert run.env == {"SERVICE_TOKEN": REDACTED, "PLAIN": "trained"}
    assert run.result == {"said": ["trained"]}
    assert run.failure is not None
    assert run.failure.where == Frame("actions.py", 3, "run", "trained")
    assert run.summary.metrics == {"train": {"note": "trained"}}
    assert without_secrets(run) == run

"""No secret reaches a client: by its shape, by its name, or because somebody gave it to a run."""

import io
import json
import logging
import stat
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

import pytest
from mcp.shared.exceptions import MCPError

from synapse_core.logs.redact import Redactor
from synapse_core.types import JSONValue
from synapse_mcp.cli.__main__ import run as run_command
from synapse_mcp.server.diagnostics import DiscreetFormatter
from tests.logs.secrets import LINES, SECRETS
from tests.mcp.world import Agent, Connect, Place, embed_in, text_of

pytestmark = pytest.mark.anyio

LEAKY = """
import logging
import os
import sys

from synapse_core import RuntimeContext, action


def tell(ctx: RuntimeContext, lines: list[str]) -> list[str]:
    given = [f"{name} is {os.environ[name]}" for name in ("SERVICE_TOKEN", "MODEL_API_KEY")]
    told = [*lines, *given, os.environ["PLAIN_URL"]]
    for line in told:
        print(line)
        print(line, file=sys.stderr)
        logging.warning(line)
        logging.info("structured", extra={"said": line})
        ctx.log_message(line)
    ctx.set_metrics({f"note {n}": line for n, line in enumerate(told)}, category="told")
    ctx.save_artifact("\\n".join(told), "told.txt")
    return told


@action()
def run(ctx: RuntimeContext, lines: list[str], api_key: str = "") -> dict[str, object]:
    return {"told": tell(ctx, [*lines, f"called with {api_key}"])}


@action()
def fail(ctx: RuntimeContext, lines: list[str], api_key: str = "") -> None:
    tell(ctx, lines)
    try:
        raise KeyError(api_key)
    except KeyError:
        raise ValueError("\\n".join([*lines, api_key]))
"""

GIVEN = {
    "variable": "variable-3xKq!9",
    "URL": "url-7Wm~2p",
    "environment": "environment-8Zt#4",
    "token of the environment": "environment-token-5Rv",
    "param": "param-6Yh$1",
    "server": "server-2Bn^8",
}
"""Secrets without any shape: only who gave them, and under which name, makes them some."""

CONFIGURATION = f"""
environment: dev
environments:
  dev:
    token: {GIVEN["token of the environment"]}
    variables:
      MODEL_API_KEY: {GIVEN["environment"]}
"""

LONG_ENOUGH = 8
"""A shorter one may stand in a text by chance; then only the whole line counts."""

TELLING = [line.format(secret) for line, secret in LINES.items()]
LINES_TO_TELL = [*(f"got {secret} from it" for secret in SECRETS.values()), *TELLING]
FORBIDDEN = [
    *GIVEN.values(),
    *SECRETS.values(),
    *TELLING,
    *(secret for secret in LINES.values() if len(secret) >= LONG_ENOUGH),
]


@pytest.fixture
def leaky(place: Place) -> Place:
    described = f"description: needs {GIVEN['server']} of the server\n"
    place.plugin("leaky", LEAKY, actions="run fail", more=described)
    place.home.mkdir(mode=0o700)
    (place.home / "config.yaml").write_text(CONFIGURATION, encoding="utf-8")
    return place


def serve(place: Place) -> Connect:
    """Return the server as it is with a secret in its own environment."""
    environ = {"PATH": "/usr/bin:/bin", "UPSTREAM_PASSWORD": GIVEN["server"]}

    def connected(*flags: str, **others: Any) -> Any:  # noqa: ANN401 - as it is for the other one
        return embed_in(place)(*flags, environ=environ, **others)

    return connected


def asked(action: str) -> dict[str, Any]:
    return {
        "plugin": "leaky",
        "action": action,
        "params": {"lines": LINES_TO_TELL, "api_key": GIVEN["param"]},
        "env": {
            "SERVICE_TOKEN": GIVEN["variable"],
            "PLAIN_URL": f"https://me:{GIVEN['URL']}@example.com/x",
        },
        "wait_s": 30,
    }


async def test_no_channel_shows_what_a_run_was_given_or_says(leaky: Place) -> None:
    async with serve(leaky)() as agent:
        first = await agent.call("run_start", **asked("run"))
        second = await agent.call("run_start", **asked("fail"))
        told = [first, second, *await everything(agent, first["run_id"], second["run_id"])]

    assert (first["status"], second["status"]) == ("succeeded", "failed"), second
    assert "SERVICE_TOKEN is [redacted]" in str(told)
    assert leaks(told) == {}


async def everything(agent: Agent, one: str, other: str) -> list[JSONValue]:
    """Return what each tool and each resource tells of two runs."""
    told: list[JSONValue] = []
    for run_id in (one, other):
        told += [
            await agent.call("run_status", run_id=run_id),
            *await whole_log(agent, run_id),
            await agent.call("run_outputs", run_id=run_id),
            await agent.call("run_outputs", run_id=run_id, path="told.txt", preview=500),
        ]
        for rest in ("", "/log", "/log?tail=1000", "/metrics", "/outputs/told.txt"):
            told.append(await agent.read(f"run://{run_id}{rest}"))
    told += [
        await agent.call("run_list"),
        await agent.call("plugin_search"),
        await agent.call("plugin_describe", plugin="leaky"),
        await agent.call("plugin_describe", plugin="leaky", action="run", detail="full"),
        await agent.call("plugin_check", path="leaky"),
        (await agent.raw("env_doctor")).model_dump(mode="json"),
        await agent.read(f"run://{one}/diff/{other}"),
        await agent.read("config://effective"),
        await agent.read("plugin://leaky"),
    ]
    return told


async def whole_log(agent: Agent, run_id: str) -> list[JSONValue]:
    page = await agent.call("run_logs", run_id=run_id, level="debug", tail=1000)
    pages: list[JSONValue] = [page]
    for level in ("debug", "info", "warning", "error"):
        for word in ("got", "is", "token", "password"):
            page = await agent.call("run_logs", run_id=run_id, level=level, grep=word, tail=200)
            pages.append(page)
    return pages


async def test_no_error_shows_what_a_call_was_given(leaky: Place) -> None:
    start = asked("run")

    async with serve(leaky)() as agent:
        told = [
            await agent.fail("run_start", **{**start, "action": "rum"}),
            await agent.fail("run_start", **{**start, "executor": "ry"}),
            await agent.fail("run_start", **{**start, "plugin": GIVEN["server"]}),
            await agent.fail(
                "run_start", **{**start, "env": {"SERVICE_TOKEN": [GIVEN["variable"]]}}
            ),
            await agent.fail("run_start", **{**start, "params": {"api_key": [GIVEN["param"]]}}),
            await agent.fail(
                "run_start", **{**start, "params": {**start["params"], "lines": GIVEN["param"]}}
            ),
            await agent.fail("run_logs", run_id="last", grep=f"({SECRETS['GitHub token']}"),
            await agent.fail("run_status", run_id=SECRETS["GitHub token"]),
            await agent.fail("plugin_check", path=f"x/{SECRETS['GitHub token']}"),
            await message(agent, f"run://{SECRETS['GitHub token']}"),
            await message(agent, f"plugin://{GIVEN['server']}"),
            text_of(await agent.raw("run_start", **{**start, "dry_run": True})),
        ]

    assert leaks(told) == {}


async def message(agent: Agent, uri: str) -> str:
    with pytest.raises(MCPError) as caught:
        await agent.client.read_resource(uri)
    return caught.value.error.message


async def test_what_is_kept_on_disk_shows_nothing_but_to_its_owner(leaky: Place) -> None:
    async with serve(leaky)() as agent:
        await agent.call("run_start", **asked("run"))
        await agent.call("run_start", **asked("fail"))
        await agent.fail("run_start", **{**asked("run"), "plugin": "leakey"})

    kept = [json.loads(line) for line in (leaky.home / "audit.jsonl").read_text().splitlines()]
    for journal in leaky.home.rglob("journal.jsonl"):
        kept += [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
    assert len(kept) > 500
    assert leaks(kept) == {}
    # The store has params and variables, which a rerun needs, and the output is as it was written.
    assert stat.S_IMODE(leaky.home.stat().st_mode) == 0o700


async def test_a_rerun_is_given_the_secrets_again_and_shows_none(leaky: Place) -> None:
    async with serve(leaky)() as agent:
        first = await agent.call("run_start", **asked("run"))
        again = await agent.call("run_start", rerun_of=first["run_id"], wait_s=30)

    assert again["status"] == "succeeded"
    assert leaks([again]) == {}


async def test_the_command_line_shows_none(
    leaky: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve(leaky)() as agent:
        await agent.call("run_start", **asked("fail"))
    monkeypatch.setenv("SYNAPSE_HOME", str(leaky.home))
    monkeypatch.setenv("COLUMNS", "10000")

    told = [
        called(words)
        for words in (
            "run show last",
            "run show last --json",
            "run logs last",
            "run logs last --json",
            "run outputs last told.txt",
            "run list --json",
            "run diff last last --json",
            "env show dev",
        )
    ]

    assert all(told)
    assert leaks([*told, caplog.text]) == {}


def called(words: str) -> str:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        run_command(words.split())
    return out.getvalue() + err.getvalue()


async def test_what_goes_wrong_inside_is_told_without_secrets(
    leaky: Place, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        async with serve(leaky)() as agent:
            await agent.call("run_start", **asked("fail"))
            await agent.fail("run_start", **{**asked("run"), "plugin": "leakey"})

    assert leaks([caplog.text]) == {}


def test_a_traceback_on_stderr_shows_none() -> None:
    formatter = DiscreetFormatter(Redactor([GIVEN["server"]]))
    error = ValueError(f"{GIVEN['server']} and {SECRETS['GitHub token']}")
    record = logging.LogRecord(
        "synapse", logging.ERROR, "x.py", 1, "It %s", ("broke",), (ValueError, error, None)
    )

    text = formatter.format(record)

    assert "It broke" in text
    assert "ValueError: [redacted] and [redacted]" in text
    assert leaks([text]) == {}


def leaks(told: list[Any]) -> dict[str, str]:
    """Return which secrets stand in which texts."""
    texts = [text for one in told for text in leaves(one)]
    return {
        secret: text[max(0, text.find(secret) - 60) :][:200]
        for secret in FORBIDDEN
        for text in texts
        if secret in text
    }


def leaves(value: JSONValue) -> Iterator[str]:
    """Yield all texts of a JSON value; texts that are JSON themselves are opened."""
    match value:
        case str():
            yield value
            if value.startswith(("{", "[")):
                yield from leaves(opened(value))
        case list():
            for item in value:
                yield from leaves(item)
        case dict():
            for key, item in value.items():
                yield key
                yield from leaves(item)
        case _:
            return


def opened(text: str) -> JSONValue:
    try:
        return json.loads(text)
    except ValueError:
        return None


@pytest.mark.parametrize("secret", GIVEN.values())
def test_a_leak_would_be_seen(secret: str) -> None:
    assert leaks([{"a": [f"it is {secret}."]}]) == {secret: f"it is {secret}."}


def test_there_are_enough_secrets() -> None:
    assert len(SECRETS) + len(LINES) >= 100

"""From the text of an error alone an agent builds the call that works."""

import json
import re
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from synapse_core import errors as core_errors
from synapse_core.errors import SynapseError
from synapse_mcp import errors as door_errors
from synapse_mcp.settings import TOOLSETS
from tests.mcp.world import Agent, Connect, Place

pytestmark = pytest.mark.anyio
ALL_TOOLS = ("--toolsets", ",".join(TOOLSETS))

GOOD = """
import time

from pydantic import BaseModel, Field, SecretStr

from synapse_core import BaseAction, RuntimeContext, action


class TrainParams(BaseModel):
    epochs: int = Field(ge=1, le=10, description="Passes over the data")
    optimizer: str = Field(default="sgd", pattern="^(sgd|adam)$")


class train(BaseAction[TrainParams]):
    action_name = "train"

    def execute(self) -> int:
        return self.params.epochs


@action()
def save(ctx: RuntimeContext) -> None:
    ctx.save_artifact("fine", "data/fine.txt")


@action()
def sleep() -> None:
    time.sleep(60)
"""


def good(place: Place) -> None:
    place.plugin("good", GOOD, actions="train save sleep")


def broken_manifest(place: Place) -> None:
    place.plugin("bad", GOOD).joinpath("config.yaml").write_text("code: bad\nactions: 3\n")


def broken_import(place: Place) -> None:
    place.plugin("unloadable", "import no_such_module\n")


def no_action(place: Place) -> None:
    place.plugin("empty", "run = 3\n")


def twins(place: Place) -> None:
    for folder in ("one", "two"):
        place.plugin("twin", GOOD, actions="train").rename(place.root / folder)


def broken_configuration(place: Place) -> None:
    place.home.mkdir()
    (place.home / "config.yaml").write_text("environments: [\n")


def damaged_store(place: Place) -> None:
    place.home.mkdir()
    (place.home / "runs.db").write_bytes(b"this is no database" * 100)


def store_of_the_future(place: Place) -> None:
    place.home.mkdir()
    with sqlite3.connect(place.home / "runs.db") as store:
        store.execute("PRAGMA user_version = 9999")


def home_is_a_file(place: Place) -> None:
    place.home.write_text("no folder")


async def saved(agent: Agent) -> None:
    await agent.call("run_start", plugin="good", action="save", wait_s=30)


async def two_runs(agent: Agent) -> None:
    for _ in range(2):
        await agent.call("run_start", plugin="good", action="train", params={"epochs": 1})


async def sleeping(agent: Agent) -> None:
    await agent.call("run_start", plugin="good", action="sleep", wait_s=0)


async def nothing(agent: Agent) -> None:
    del agent


async def damaged_journal(agent: Agent) -> None:
    await saved(agent)
    damage(Path(json.loads(await agent.read("config://effective"))["home"]))


def damage(home: Path) -> None:
    (journal,) = home.rglob("journal.jsonl")
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([lines[0], b"damage\n", *lines[1:]]))


@dataclass(frozen=True)
class Case:
    """A call that fails: in which world, and with which code."""

    code: str
    tool: str
    arguments: dict[str, Any]
    world: Callable[[Place], None] = good
    before: Callable[[Agent], Any] = nothing
    flags: tuple[str, ...] = field(default=ALL_TOOLS)


ANY_RUN = "20200101-000000-aaaaaaaa"
START: dict[str, Any] = {"plugin": "good", "action": "train"}

CASES = [
    Case("invalid_arguments", "run_logs", {"run_id": "last", "tail": 0}, before=saved),
    Case("invalid_arguments", "run_status", {}, before=saved),
    Case("invalid_arguments", "plugin_scaffold", {"name": "n", "plugin": "p"}),
    Case("tool_not_found", "run_begin", {}),
    Case("invalid_params", "run_start", {**START, "params": {"epochs": 99}}),
    Case("invalid_params", "run_start", {**START, "params": {"epoch": 3}}),
    Case("invalid_params", "run_start", {**START, "params": {}}),
    Case("invalid_params", "run_start", {**START, "params": {"epochs": 2, "optimizer": "x"}}),
    Case("invalid_manifest", "plugin_describe", {"plugin": "bad"}, broken_manifest),
    Case("invalid_manifest", "run_start", {"plugin": "bad", "action": "run"}, broken_manifest),
    Case("invalid_config", "run_start", {**START, "params": {"epochs": 1}}, broken_configuration),
    Case("invalid_cursor", "run_list", {"limit": 3, "cursor": "no-cursor"}),
    Case("invalid_cursor", "plugin_search", {"query": "good", "cursor": "no-cursor"}),
    Case("invalid_cursor", "run_logs", {"run_id": "last", "cursor": "no"}, before=saved),
    Case("invalid_cursor", "run_status", {"run_id": "last", "log_cursor": "no"}, before=saved),
    Case("invalid_input", "run_start", {**START, "params": {"epochs": 1}, "executor": "ry"}),
    Case("invalid_input", "run_logs", {"run_id": "last", "grep": "("}, before=saved),
    Case("invalid_input", "run_status", {"run_id": "20"}, before=two_runs),
    Case("invalid_input", "plugin_describe", {"plugin": "twin"}, twins),
    Case("invalid_input", "plugin_scaffold", {"name": "abc", "dry_run": True}),
    Case("invalid_input", "plugin_scaffold", {"name": "Not A Code!", "dry_run": True}),
    Case("invalid_input", "plugin_scaffold", {"plugin": "good", "action": "save"}),
    Case(
        "invalid_input",
        "plugin_scaffold",
        {"name": "fresh", "description": "two\nlines", "dry_run": True},
    ),
    Case("plugin_not_found", "plugin_describe", {"plugin": "goood"}),
    Case("plugin_not_found", "run_start", {"plugin": "goood", "action": "train"}),
    Case("plugin_not_found", "plugin_check", {"path": "goood"}),
    Case("action_not_found", "plugin_describe", {"plugin": "good", "action": "tain"}),
    Case("action_not_found", "run_start", {"plugin": "good", "action": "tain"}),
    Case("run_not_found", "run_status", {"run_id": ANY_RUN}),
    Case("run_not_found", "run_logs", {"run_id": "last"}),
    Case("run_not_found", "run_start", {"rerun_of": ANY_RUN}),
    Case("artifact_not_found", "run_outputs", {"run_id": "last", "path": "x"}, before=saved),
    Case("path_refused", "plugin_describe", {"plugin": "../../secret"}),
    Case("path_refused", "plugin_check", {"path": "/etc"}),
    Case("path_refused", "plugin_scaffold", {"name": "fine_one", "dir": "/etc"}),
    Case("overwrite_refused", "plugin_scaffold", {"name": "good"}),
    Case("conflict", "run_delete", {"run_ids": ["last"]}, before=sleeping),
    Case("confirmation_required", "run_delete", {"run_ids": ["last"]}, before=saved),
    Case("confirmation_required", "run_cancel", {"run_id": "last", "force": True}, before=sleeping),
    Case(
        "action_load_failed", "run_start", {"plugin": "unloadable", "action": "run"}, broken_import
    ),
    Case("action_load_failed", "plugin_describe", {"plugin": "empty", "action": "run"}, no_action),
    Case("store_unavailable", "run_list", {}, damaged_store),
    Case("store_unavailable", "run_list", {}, store_of_the_future),
    Case("storage_failed", "run_list", {}, home_is_a_file),
    Case("journal_failed", "run_logs", {"run_id": "last"}, before=damaged_journal),
]


def corrected(text: str, case: Case) -> tuple[str, dict[str, Any]]:
    """Return the call that the text tells to make, as an agent reads it."""
    example = re.search(r"^Example: (\w+) (\{.*\})$", text, re.MULTILINE)
    if example:
        return example[1], json.loads(example[2])
    words = re.search(
        r"^Fix: .*repeat the call with the argument (\w+)='(.*)'\.$", text, re.MULTILINE
    )
    assert words, text
    return case.tool, {**case.arguments, words[1]: words[2]}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code}-{case.tool}")
async def test_the_text_of_an_error_holds_the_call_that_works(
    embed: Connect, place: Place, case: Case
) -> None:
    case.world(place)

    async with embed(*case.flags) as agent:
        await case.before(agent)
        text = await agent.fail(case.tool, **case.arguments)
        tool, arguments = corrected(text, case)
        answer = await agent.raw(tool, **arguments)
        await stop_all(agent)

    assert text.startswith(f"[{case.code}] "), text
    assert (tool, arguments) != (case.tool, case.arguments)
    assert not answer.is_error, (text, answer.content)


async def stop_all(agent: Agent) -> None:
    listed: dict[str, Any] = (
        await agent.raw("run_list", status=["running"])
    ).structured_content or {}
    for row in listed.get("runs", ()):
        await agent.raw("run_cancel", run_id=row["run_id"])


WITHOUT_CASE = {
    "how a run ends, and so no error of a call": "action_failed env_key_not_set invalid_env_value "
    "invalid_result run_cancelled run_failed run_timeout step_failed",
    "behind other doors": "event_gap invalid_pipeline lease_lost missing_extra pipeline_failed "
    "pipeline_not_found rate_limited too_large unauthorized",
    "no call mends it": "refused resource_not_found result_too_large",
    "takes installers or bad luck": "dependency_failed environment_not_found worker_lost",
    "never raised as such": "invalid_action invalid_step not_found synapse_error",
}


def test_every_error_that_a_tool_can_meet_has_a_case() -> None:
    excused = {code for codes in WITHOUT_CASE.values() for code in codes.split()}
    known = {cls.code for module in (core_errors, door_errors) for cls in classes_in(module)}

    assert {case.code for case in CASES} == known - excused
    assert excused <= known


def classes_in(module: ModuleType) -> list[type[SynapseError]]:
    values = vars(module).values()
    return [
        value for value in values if isinstance(value, type) and issubclass(value, SynapseError)
    ]

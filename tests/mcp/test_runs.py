"""From the start of a run to its files, as an agent goes."""

import json
import re

import pytest

from tests.mcp.world import ERAS, Connect, Place

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("trainer")]

TRAIN = '''
import logging
import time
from pathlib import Path

from pydantic import BaseModel, Field

from synapse_core import BaseAction, action


class TrainParams(BaseModel):
    epochs: int = Field(default=3, ge=1, le=10, description="Passes over the data")
    optimizer: str = Field(default="sgd", pattern="^(sgd|adam)$")


class train(BaseAction[TrainParams]):
    """Train a model that learns nothing."""

    action_name = "train"

    def execute(self) -> dict:
        for epoch in range(self.params.epochs):
            self.set_progress(epoch + 1, self.params.epochs, category="train")
            self.set_metrics({"loss": 1 / (epoch + 1)}, category="train")
            print("epoch", epoch)
        logging.warning("nearly there")
        self.ctx.log_message("Trained.")
        self.ctx.save_artifact(b"weights", "model/weights.bin")
        self.ctx.save_artifact("a,b\\n1,2\\n", "table.csv")
        return {"loss": 0.5, "nothing": None}


@action()
def fail(path: str = "nowhere.txt") -> str:
    return Path(path).read_text()


@action()
def sleep(seconds: float = 60) -> str:
    time.sleep(seconds)
    return "slept"
'''


@pytest.fixture
def trainer(place: Place) -> None:
    place.plugin("trainer", TRAIN, actions="train fail sleep")


@pytest.mark.parametrize("mode", ERAS)
async def test_an_agent_goes_from_search_to_files(connect: Connect, mode: str) -> None:
    async with connect(mode=mode) as agent:
        found = await agent.call("plugin_search", query="train")
        described = await agent.call("plugin_describe", plugin="trainer", action="train")
        run = await agent.call(
            "run_start", plugin="trainer", action="train", params={"epochs": 2}, wait_s=30
        )
        run_id = run["run_id"]
        logs = await agent.call("run_logs", run_id=run_id, grep="epoch", tail=5)
        listed = await agent.call("run_list", plugin="trainer", status=["succeeded"])
        outputs = await agent.call("run_outputs", run_id="last")
        preview = await agent.call("run_outputs", run_id=run_id[-6:], path="table.csv")

    assert [(row["plugin"], row["actions"]) for row in found["plugins"]] == [
        ("trainer", ["train", "fail", "sleep"])
    ]
    assert described["params"]["properties"]["epochs"]["maximum"] == 10
    assert described["next"][0].startswith('run_start {"plugin": "trainer", "action": "train"')
    assert run["status"] == "succeeded"
    assert run["result"] == {"loss": 0.5, "nothing": None}
    assert run["progress"] == [{"category": "train", "percent": 100.0, "current": 2, "total": 2}]
    assert run["metrics"] == {"train": {"loss": 0.5}}
    assert run["message"] == "Trained."
    assert run["artifacts"] == ["model/weights.bin", "table.csv"]
    assert [line.rsplit(": ", 1)[1] for line in logs["lines"]] == ["epoch 0", "epoch 1"]
    assert logs["eof"]
    assert [row["run_id"] for row in listed["runs"]] == [run_id]
    assert [item["name"] for item in outputs["artifacts"]] == ["model/weights.bin", "table.csv"]
    assert preview["preview"] == "a,b\n1,2"


async def test_a_failed_run_names_the_line_of_the_users_own_code(connect: Connect) -> None:
    async with connect() as agent:
        run = await agent.call("run_start", plugin="trainer", action="fail", wait_s=30)
        whole = await agent.read(f"run://{run['run_id']}")

    assert run["status"] == "failed"
    assert run["error"]["type"] == "FileNotFoundError"
    line = TRAIN.splitlines().index("    return Path(path).read_text()") + 1
    assert run["error"]["where"] == f"actions.py:{line} in fail"
    assert run["error"]["source"] == "return Path(path).read_text()"
    assert "Traceback" not in str(run)
    assert "Traceback (most recent call last)" in whole
    assert [call.split(" ")[0] for call in run["next"]] == ["run_logs", "plugin_check", "run_start"]


async def test_a_failed_run_is_repeated_with_other_params(connect: Connect, place: Place) -> None:
    note = place.folder / "note.txt"
    note.write_text("found", encoding="utf-8")

    async with connect() as agent:
        failed = await agent.call("run_start", plugin="trainer", action="fail", wait_s=30)
        mended = await agent.call(
            "run_start", rerun_of=failed["run_id"], params={"path": str(note)}, wait_s=30
        )

    assert mended["status"] == "succeeded"
    assert mended["result"] == "found"
    assert mended["rerun_of"] == failed["run_id"]


async def test_wrong_params_start_nothing_and_the_example_in_the_error_works(
    connect: Connect,
) -> None:
    async with connect() as agent:
        text = await agent.fail(
            "run_start", plugin="trainer", action="train", params={"epochs": 99, "optimzer": "sgd"}
        )
        none = await agent.call("run_list")
        example = re.search(r"^Example: (\w+) (.*)$", text, re.MULTILINE)
        assert example, text
        corrected = await agent.call(example[1], **json.loads(example[2]))

    assert text.startswith("[invalid_params] ")
    assert "epochs" in text
    assert "10" in text
    assert "optimizer" in text
    assert none["runs"] == []
    assert corrected["status"] == "succeeded"


async def test_a_dry_run_checks_and_starts_nothing(connect: Connect) -> None:
    async with connect() as agent:
        checked = await agent.call("run_start", plugin="trainer", action="train", dry_run=True)
        none = await agent.call("run_list")

    assert checked["status"] == "checked"
    assert "run_id" not in checked
    assert checked["next"] == ['run_start {"plugin": "trainer", "action": "train"}']
    assert none["runs"] == []


async def test_the_same_key_starts_one_run(connect: Connect) -> None:
    async with connect() as agent:
        starts = [
            await agent.call(
                "run_start", plugin="trainer", action="train", idempotency_key="k", wait_s=0
            )
            for _ in range(3)
        ]

    assert len({start["run_id"] for start in starts}) == 1


async def test_params_sent_as_text_are_understood(connect: Connect) -> None:
    async with connect() as agent:
        run = await agent.call(
            "run_start", plugin="trainer", action="train", params='{"epochs": 1}', wait_s="30"
        )

    assert run["status"] == "succeeded"


async def test_new_lines_are_read_from_the_cursor_and_no_line_twice(connect: Connect) -> None:
    async with connect() as agent:
        run = await agent.call("run_start", plugin="trainer", action="train", wait_s=30)
        whole = await agent.call("run_logs", run_id=run["run_id"], tail=1000)
        first = await agent.call("run_logs", run_id=run["run_id"], tail=1)
        rest = await agent.call(
            "run_logs", run_id=run["run_id"], cursor=first["next_cursor"], max_chars=100
        )

    numbers = [int(line.split(" ")[0]) for line in whole["lines"]]
    assert numbers == sorted(set(numbers))
    assert first["lines"] == whole["lines"][-1:]
    assert (rest["lines"], rest["eof"]) == ([], True)


async def test_the_log_resource_is_read_on_from_where_its_last_line_says(connect: Connect) -> None:
    async with connect() as agent:
        run = await agent.call(
            "run_start", plugin="trainer", action="sleep", params={"seconds": 30}, wait_s=0
        )
        start = await agent.read(f"run://{run['run_id']}/log?tail=1")
        uri = start.splitlines()[-1].removeprefix("[lines to come: ").removesuffix("]")
        await agent.call("run_cancel", run_id=run["run_id"])
        rest = await agent.read(uri)

    assert uri.startswith(f"run://{run['run_id']}/log?cursor=")
    assert rest.splitlines()[-1] == "[end of log]"
    assert not set(start.splitlines()) & set(rest.splitlines())


async def test_a_run_is_cancelled_and_says_so(connect: Connect) -> None:
    async with connect() as agent:
        run = await agent.call("run_start", plugin="trainer", action="sleep", wait_s=0)
        stopped = await agent.call("run_cancel", run_id=run["run_id"])
        again = await agent.call("run_cancel", run_id=run["run_id"])

    assert run["status"] in {"pending", "running"}
    assert stopped["status"] == "cancelled"
    assert again["status"] == "cancelled"


async def test_a_run_outlives_the_server_and_is_found_by_the_next(connect: Connect) -> None:
    async with connect() as agent:
        run = await agent.call(
            "run_start", plugin="trainer", action="sleep", params={"seconds": 2}, wait_s=0
        )

    async with connect() as agent:
        ended = await agent.call("run_status", run_id=run["run_id"], wait_s=30)

    assert ended["status"] == "succeeded"
    assert ended["result"] == "slept"

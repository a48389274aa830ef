"""A run that goes on is a task to clients that know tasks, whatever becomes of the server."""

from pathlib import Path
from typing import Any

import pytest

from tests.mcp.wire import INITIALIZED, TASKS, Start, Wire, hello, modern, request
from tests.mcp.world import Place

SLEEPER = """
import time

from synapse_core import RuntimeContext, action


@action()
def run(ctx: RuntimeContext, stop: str) -> str:
    ctx.set_progress(1, 4)
    while True:
        ctx.check_cancelled()
        try:
            with open(stop) as file:
                return file.read()
        except FileNotFoundError:
            time.sleep(0.02)


@action()
def fail() -> None:
    time.sleep(0.3)
    raise ValueError("no luck")
"""


@pytest.fixture
def stop(place: Place) -> Path:
    """Return the file whose content ends the run and is its result."""
    place.plugin("sleeper", SLEEPER, actions="run fail")
    return place.folder / "stop"


def begin(wire: Wire, stop: Path, **arguments: object) -> dict[str, Any]:
    given = {"plugin": "sleeper", "action": "run", "params": {"stop": str(stop)}, "wait_s": 0}
    call = {"name": "run_start", "arguments": {**given, **arguments}}
    return wire.ask(modern(1, "tools/call", call, extensions=TASKS))["result"]


def ask(wire: Wire, method: str, task: str, **params: object) -> dict[str, Any]:
    return wire.ask(modern(2, method, {"taskId": task, **params}, extensions=TASKS))


def ended(wire: Wire, task: str) -> dict[str, Any]:
    while (told := ask(wire, "tasks/get", task)["result"])["status"] == "working":
        call = {"name": "run_status", "arguments": {"run_id": "last", "wait_s": 2}}
        wire.ask(modern(3, "tools/call", call))
    return told


def test_a_task_outlives_the_server_that_made_it(start: Start, stop: Path) -> None:
    first = start()
    made = begin(first, stop)
    first.process.kill()
    second = start()
    working = ask(second, "tasks/get", made["taskId"])["result"]
    answered = ask(second, "tasks/update", made["taskId"], inputResponses={"x": 1})["result"]
    stop.write_text("enough", encoding="utf-8")
    told = ended(second, made["taskId"])

    assert (made["resultType"], made["status"]) == ("task", "working")
    assert (made["ttlMs"], made["pollIntervalMs"]) == (7 * 24 * 3600 * 1000, 1000)
    assert working["status"] == "working"
    assert working["taskId"] == made["taskId"]
    assert "result" not in working
    assert answered.keys() <= {"resultType", "_meta"}, "no run ever asks for anything"
    assert told["status"] == "completed"
    assert told["result"]["structuredContent"]["result"] == "enough"
    assert "enough" in told["result"]["content"][0]["text"]


def test_a_task_is_cancelled_as_its_run(start: Start, stop: Path) -> None:
    wire = start()
    task = begin(wire, stop)["taskId"]

    acknowledged = ask(wire, "tasks/cancel", task)["result"]
    told = ended(wire, task)
    again = ask(wire, "tasks/cancel", task)["result"]

    assert acknowledged.keys() == again.keys() == {"resultType", "_meta"}
    assert told["status"] == "cancelled"
    assert "result" not in told


def test_a_run_that_fails_is_a_tool_that_has_answered(start: Start, stop: Path) -> None:
    wire = start()
    task = begin(wire, stop, action="fail", params={})["taskId"]

    told = ended(wire, task)

    assert told["status"] == "completed"
    assert told["result"]["structuredContent"]["error"]["type"] == "ValueError"


def test_the_handle_of_another_installation_is_refused(start: Start, stop: Path) -> None:
    wire = start()
    task = begin(wire, stop)["taskId"]
    run_id, _, seal = task.rpartition(".")
    forged = [f"{run_id}.{'0' * len(seal)}", run_id, f"{run_id}.", f".{seal}", ""]

    codes = {
        ask(wire, method, handle)["error"]["code"]
        for method in ("tasks/get", "tasks/update", "tasks/cancel")
        for handle in forged
    }
    stop.write_text("", encoding="utf-8")

    assert codes == {-32602}
    assert len(seal) == 32
    assert ended(wire, task)["status"] == "completed"


def test_clients_that_know_no_tasks_get_the_run(start: Start, stop: Path) -> None:
    wire = start()
    arguments = {"plugin": "sleeper", "action": "run", "params": {"stop": str(stop)}, "wait_s": 0}
    call = {"name": "run_start", "arguments": arguments}
    task = begin(wire, stop)["taskId"]

    run = wire.ask(modern(3, "tools/call", call))["result"]
    refused = wire.ask(modern(4, "tasks/get", {"taskId": task}))["error"]
    stop.write_text("", encoding="utf-8")
    older = start()
    handshake = hello()
    handshake["params"]["capabilities"] = {"extensions": TASKS}  # as the Inspector does
    older.ask(handshake)
    older.send(INITIALIZED)
    legacy = older.ask(request(1, "tools/call", call))["result"]

    assert run["resultType"] == "complete"
    assert run["structuredContent"]["status"] in {"pending", "running"}
    assert refused["code"] == -32021
    assert refused["data"]["requiredCapabilities"] == {"extensions": TASKS}
    assert "run_id" in legacy["structuredContent"]


def test_a_look_at_a_run_is_answered_at_once_and_never_a_task(start: Start, stop: Path) -> None:
    wire = start()
    begin(wire, stop)

    call = {"name": "run_status", "arguments": {"run_id": "last"}}
    looked = wire.ask(modern(5, "tools/call", call, extensions=TASKS))["result"]
    stop.write_text("", encoding="utf-8")

    assert looked["resultType"] == "complete"


def test_a_run_that_ends_while_the_call_waits_is_no_task(start: Start, stop: Path) -> None:
    stop.write_text("at once", encoding="utf-8")

    answer = begin(start(), stop, wait_s=30)

    assert answer["resultType"] == "complete"
    assert answer["structuredContent"]["result"] == "at once"

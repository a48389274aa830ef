"""Processes that stay for the next run: what they keep, and what never costs them."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import psutil
import pytest

from synapse_core.config.home import Home
from synapse_core.errors import ActionError, InvalidInputError, RunCancelledError, WorkerLostError
from synapse_core.executors.ray import RayActorExecutor
from synapse_core.executors.ray.driver.door import DriverDoor
from synapse_core.model.run import RunStatus
from synapse_core.operations.runs import cancel_run
from synapse_core.types import JSONObject
from synapse_core.workspace import Workspace
from tests.ray.looking import (
    end,
    events,
    is_gone,
    kill,
    messages,
    start,
)
from tests.waiting import PATIENCE_S, wait_until

SOURCE = """
    import os
    import subprocess
    import time

    from pydantic import BaseModel

    from synapse_core import action

    LOADED = []
    VERSION = 1


    class Params(BaseModel):
        number: int = 0
        hold_s: float = 0
        leaves: bool = False


    @action(params=Params)
    def count(params, ctx) -> dict:
        if params.number < 0:
            raise ValueError("negative")
        if params.leaves:
            os._exit(3)
        time.sleep(params.hold_s)
        LOADED.append(params.number)
        print("number", params.number)
        return {
            "loaded": len(LOADED),
            "pid": os.getpid(),
            "version": VERSION,
            "colour": os.environ.get("COLOUR"),
        }


    @action
    def hold(ctx) -> None:
        print(f"holding {os.getpid()}")
        time.sleep(60)


    @action
    def leave(ctx) -> None:
        os._exit(3)


    @action
    def stray(ctx) -> int:
        return int(subprocess.check_output(["sh", "-c", "true >/dev/null & echo $!"]))
"""

CONFIG = """
    name: Warm
    code: warm
    actions:
      count: {entrypoint: "warm_actions:count", reuse: true}
      hold: {entrypoint: "warm_actions:hold", reuse: true}
      leave: {entrypoint: "warm_actions:leave", reuse: true}
      stray: {entrypoint: "warm_actions:stray", reuse: true}
"""


@pytest.fixture
def warm(ray_root: Path) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="warm-", dir=ray_root))
    (folder / "config.yaml").write_text(dedent(CONFIG), encoding="utf-8")
    (folder / "warm_actions.py").write_text(dedent(SOURCE), encoding="utf-8")
    return folder


@pytest.fixture
def many(ray_home: Home, warm: Path, door: DriverDoor) -> Iterator[RayActorExecutor]:
    del door
    executor = RayActorExecutor(warm, home=ray_home.root, num_cpus=1)
    yield executor
    executor.shutdown()


def count(workspace: Workspace, warm: Path, number: int = 0) -> JSONObject:
    result = end(workspace, start(workspace, warm, "count", number=number)).result
    assert isinstance(result, dict)
    return result


def test_what_was_loaded_stays_and_nothing_that_fails_costs_it(
    workspace: Workspace, warm: Path
) -> None:
    first = count(workspace, warm, 1)
    failed = end(workspace, start(workspace, warm, "count", number=-1))
    second = count(workspace, warm, 2)

    assert failed.failure is not None
    assert failed.failure.message == "negative"
    assert second == {**first, "loaded": 2}
    assert first["pid"] != os.getpid()


def test_a_warm_run_is_told_like_any_other(workspace: Workspace, warm: Path) -> None:
    run = end(workspace, start(workspace, warm, "count", number=7))

    assert messages(workspace, run.id) == ["number 7"]
    assert [event.kind for event in events(workspace, run.id)] == [
        "status",
        "log",
        "output",
        "status",
    ]


def test_code_of_another_version_is_never_executed(workspace: Workspace, warm: Path) -> None:
    before = count(workspace, warm)
    source = warm / "warm_actions.py"
    source.write_text(source.read_text().replace("VERSION = 1", "VERSION = 2"), encoding="utf-8")

    after = count(workspace, warm)

    assert (before["version"], after["version"], after["loaded"]) == (1, 2, 1)


def test_a_run_that_holds_on_is_ended_with_its_process(workspace: Workspace, warm: Path) -> None:
    run = start(workspace, warm, "hold")
    wait_until(lambda: bool(messages(workspace, run.id)))

    assert cancel_run(workspace, run.id, wait_s=20).status is RunStatus.CANCELLED
    late = end(workspace, start(workspace, warm, "hold", timeout_s=0.5))
    assert late.failure is not None
    assert late.failure.code == "run_timeout"
    assert count(workspace, warm)["loaded"] == 1


def test_a_process_that_leaves_fails_its_run_only(workspace: Workspace, warm: Path) -> None:
    left = end(workspace, start(workspace, warm, "leave"))

    assert left.failure is not None
    assert left.failure.code == "worker_lost"
    assert count(workspace, warm)["loaded"] == 1


def test_a_process_that_stays_keeps_no_dead_strays(workspace: Workspace, warm: Path) -> None:
    stray = end(workspace, start(workspace, warm, "stray")).result

    assert isinstance(stray, int)
    wait_until(lambda: not psutil.pid_exists(stray))


def test_a_process_ends_with_the_actor_that_holds_its_room(
    workspace: Workspace, warm: Path
) -> None:
    run = start(workspace, warm, "hold")
    wait_until(lambda: bool(messages(workspace, run.id)))
    host = psutil.Process(int(messages(workspace, run.id)[0].split()[1]))

    for process in psutil.process_iter(["name", "cmdline"]):
        if (process.info["cmdline"] or [""])[0].startswith("ray::WarmHolder"):
            kill(process)

    wait_until(lambda: is_gone(host))
    ended = end(workspace, run)
    assert ended.failure is not None
    assert ended.failure.code == "worker_lost"


def test_many_runs_share_few_processes_and_make_room_for_others(
    workspace: Workspace, warm: Path, plugin: Path
) -> None:
    runs = [start(workspace, warm, "count", number=number) for number in range(12)]
    results = [end(workspace, run).result for run in runs]

    pids = {str(result["pid"]) for result in results if isinstance(result, dict)}
    assert len(pids) <= 4  # two cores, so two at a time; one more may have been asked for
    assert end(workspace, start(workspace, plugin, "echo", text="room")).result == "room"


def test_many_params_are_run_in_few_processes_and_their_results_come_in_order(
    many: RayActorExecutor, workspace: Workspace
) -> None:
    results = [*many.map("count", ({"number": number} for number in range(300)), in_flight=100)]
    runs = many.submit_many("count", [{"number": 1}, {"number": -1}, {"number": 2}])

    assert len({result["pid"] for result in results}) <= 2
    assert len({(result["pid"], result["loaded"]) for result in results}) == 300
    for run in (runs[0], runs[2]):
        run.result(PATIENCE_S)
    with pytest.raises(ActionError, match="negative"):
        runs[1].result(PATIENCE_S)
    assert messages(workspace, runs[2].run_id) == ["number 2"]
    assert [event.kind for event in events(workspace, runs[1].run_id)] == [
        "status",
        "error",
        "status",
    ]


def test_params_are_taken_as_results_are(many: RayActorExecutor) -> None:
    taken: list[int] = []

    def params() -> Iterator[JSONObject]:
        for number in range(30):
            taken.append(number)
            yield {"number": number}

    results = many.map("count", params(), in_flight=10)

    assert len(taken) == 10
    assert next(results)["loaded"] >= 1
    assert len(taken) <= 15
    assert len([*results]) == 29
    with pytest.raises(InvalidInputError, match="in_flight is 0"):
        many.map("count", [], in_flight=0)


def test_a_process_that_leaves_costs_none_of_the_runs_that_came_with_it(
    many: RayActorExecutor,
) -> None:
    params: list[JSONObject] = [{"number": number} for number in range(60)]
    params[40] = {"leaves": True}

    runs = many.submit_many("count", params)

    for number, run in enumerate(runs):
        if number == 40:
            with pytest.raises(WorkerLostError):
                run.result(PATIENCE_S)
        else:
            assert run.result(PATIENCE_S)["version"] == 1


def test_runs_that_came_with_one_that_goes_on_do_not_wait_for_it(many: RayActorExecutor) -> None:
    params: list[JSONObject] = [{"number": number} for number in range(60)]
    params[40] = {"hold_s": 600}

    runs = many.submit_many("count", params)

    for number, run in enumerate(runs):
        if number != 40:
            assert run.result(PATIENCE_S)["version"] == 1
    runs[40].cancel()
    with pytest.raises(RunCancelledError):
        runs[40].result(PATIENCE_S)

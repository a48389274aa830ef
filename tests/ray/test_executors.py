"""The executors that scripts construct, as the overview promises them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from pydantic import BaseModel

from synapse_core import BaseAction, run_plugin
from synapse_core.actions.definition import Action
from synapse_core.actions.loading import isolated_modules, load_action
from synapse_core.config.home import Home
from synapse_core.errors import (
    ActionDefinitionError,
    ActionError,
    ConflictError,
    InvalidInputError,
    NotFoundError,
    ParamsError,
    RunCancelledError,
    RunTimeoutError,
)
from synapse_core.executors.ray import JobStatus, RayActorExecutor, RayJobExecutor
from synapse_core.executors.ray.driver.door import DriverDoor
from synapse_core.runner import Mode
from synapse_core.testing import MemorySink
from tests.waiting import PATIENCE_S, wait_until


class Nothing(BaseModel):
    pass


@pytest.fixture
def tasks(ray_home: Home, plugin: Path, door: DriverDoor) -> Iterator[RayActorExecutor]:
    del door
    executor = RayActorExecutor(working_dir=plugin, home=ray_home.root, sink=MemorySink())
    yield executor
    executor.shutdown()


@pytest.fixture
def jobs(ray_home: Home, plugin: Path, door: DriverDoor) -> Iterator[RayJobExecutor]:
    executor = RayJobExecutor(
        dashboard_url=str(door.up()["dashboard_url"]), working_dir=plugin, home=ray_home.root
    )
    yield executor
    executor.shutdown()


@pytest.fixture
def train(plugin: Path) -> Iterator[Action]:
    """The class itself, as a script that imports the plugin has it."""
    with isolated_modules(plugin):
        yield load_action(plugin, "trials_actions:TrainAction")


def test_an_action_at_hand_is_executed_and_its_result_is_its_model(
    ray_home: Home, plugin: Path, door: DriverDoor, train: Action
) -> None:
    del door
    sink = MemorySink()
    executor = RayActorExecutor(
        working_dir=plugin,
        num_cpus=1,
        num_gpus=0,
        env={"MORE": 1},
        runtime_env={"env_vars": {"OTHER": "2"}},
        home=ray_home.root,
        sink=sink,
    )

    result = executor.execute(train, {"epochs": 4})

    assert (type(result).__name__, result.loss) == ("Loss", 0.25)
    assert [event.kind for event in sink.events][-2:] == ["output", "status"]
    variables = executor.execute("variables")
    assert (variables["MORE"], variables["OTHER"]) == ("1", "2")
    executor.shutdown()


def test_what_an_action_raises_is_told_with_its_traceback(
    tasks: RayActorExecutor, train: Action
) -> None:
    with pytest.raises(ActionError, match="LookupError: no epochs") as caught:
        tasks.execute(train, {"epochs": 0})
    assert 'raise LookupError("no epochs")' in caught.value.__notes__[0]
    with pytest.raises(ParamsError, match="epochs"):
        tasks.execute(train, {"epochs": "many"})

    assert tasks.execute(train).loss == 1


def test_many_runs_are_placed_at_once_and_each_can_be_stopped(tasks: RayActorExecutor) -> None:
    runs = [tasks.submit("echo", {"text": str(number)}) for number in range(10)]
    stopped = tasks.submit("wait")

    assert [run.result(PATIENCE_S) for run in runs] == [str(number) for number in range(10)]
    with pytest.raises(RunTimeoutError, match="it goes on"):
        stopped.result(0.01)
    stopped.cancel(force=True)
    with pytest.raises(RunCancelledError):
        stopped.result(PATIENCE_S)


def test_what_another_process_could_not_import_is_refused(tasks: RayActorExecutor) -> None:
    class Inside(BaseAction[Nothing]):
        def execute(self) -> None: ...

    with pytest.raises(ActionDefinitionError, match="inside a function"):
        tasks.execute(Inside)
    with pytest.raises(InvalidInputError, match="env_vars and working_dir, not pip"):
        RayActorExecutor(runtime_env={"pip": ["numpy"]})
    with pytest.raises(InvalidInputError, match=r"num_gpus is -1"):
        RayActorExecutor(num_gpus=-1)
    with pytest.raises(InvalidInputError, match="There is no folder"):
        RayActorExecutor(working_dir="/nowhere/at/all").execute("train")


def test_an_unknown_resource_of_the_cluster_is_refused(ray_home: Home, plugin: Path) -> None:
    executor = RayActorExecutor(plugin, resources={"tape_robot": 1}, home=ray_home.root)

    with pytest.raises(InvalidInputError, match="tape_robot 1"):
        executor.execute("echo")


def test_a_job_is_submitted_watched_and_found_again(
    jobs: RayJobExecutor, ray_home: Home, plugin: Path
) -> None:
    job_id = jobs.submit("train", {"epochs": 2})

    assert jobs.get_status(job_id) in set(JobStatus)
    assert list(jobs.stream_logs(job_id)) == [f"training as {job_id}"]
    again = RayJobExecutor(home=ray_home.root, working_dir=plugin)
    assert again.wait(job_id, timeout_seconds=PATIENCE_S) == {"loss": 0.5}
    assert again.get_status(job_id) is JobStatus.SUCCEEDED
    assert again.get_logs(job_id) == f"training as {job_id}\n"
    assert again.stop(job_id) is False
    assert again.delete(job_id) is True
    with pytest.raises(NotFoundError):
        jobs.get_status(job_id)
    again.shutdown()


def test_a_job_that_fails_or_is_stopped_says_so(jobs: RayJobExecutor) -> None:
    failed = jobs.submit("train", {"epochs": 0})
    waiting = jobs.submit("wait")

    with pytest.raises(ActionError, match="no epochs"):
        jobs.wait(failed, timeout_seconds=PATIENCE_S)
    assert jobs.get_status(failed) is JobStatus.FAILED
    assert "LookupError: no epochs" in jobs.get_logs(failed)
    with pytest.raises(RunTimeoutError):
        jobs.wait(waiting, timeout_seconds=0.1)
    wait_until(lambda: jobs.get_status(waiting) is JobStatus.RUNNING)
    with pytest.raises(ConflictError, match="has not ended"):
        jobs.delete(waiting)
    assert jobs.stop(waiting, force=True) is True
    with pytest.raises(RunCancelledError):
        jobs.wait(waiting, timeout_seconds=PATIENCE_S)
    assert jobs.get_status(waiting) is JobStatus.STOPPED


def test_nothing_is_written_into_the_plugin(jobs: RayJobExecutor, plugin: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in plugin.rglob("*")}

    jobs.wait(jobs.submit("echo", {"text": "x"}), timeout_seconds=PATIENCE_S)

    after = {path: path.stat().st_mtime_ns for path in plugin.rglob("*")}
    assert {path for path in after if "__pycache__" not in path.parts} == {
        path for path in before if "__pycache__" not in path.parts
    }


@pytest.mark.parametrize("mode", ["task", "job"])
def test_a_plugin_is_run_in_one_call(
    ray_home: Home, plugin: Path, door: DriverDoor, mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    del door
    monkeypatch.setenv("SYNAPSE_HOME", str(ray_home.root))

    assert run_plugin(plugin, "train", {"epochs": 5}, mode=mode) == {"loss": 0.2}


def test_another_home_uses_the_cluster_by_its_address(
    ray_root: Path, plugin: Path, door: DriverDoor
) -> None:
    """As somebody else's cluster: its token comes from Ray's own variable."""
    record = door.record()
    assert record is not None
    code = dedent("""
        import sys
        from pathlib import Path
        from synapse_core.executors.ray import RayActorExecutor, RayJobExecutor
        home, plugin, address, url = sys.argv[1:]
        tasks = RayActorExecutor(working_dir=plugin, ray_address=address, home=Path(home))
        assert tasks.execute("echo", {"text": "task"}) == "task"
        jobs = RayJobExecutor(dashboard_url=url, working_dir=plugin, home=Path(home))
        job_id = jobs.submit("echo", {"text": "job"})
        assert jobs.wait(job_id, 50) == "job"
        assert not {"ray", "aiohttp"} & set(sys.modules)
        print(tasks._executor.door.stop(), (Path(home) / "ray" / "local.json").exists())
    """)
    arguments = [str(ray_root / "guest"), str(plugin), record.address, record.dashboard_url]

    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=55,
        env={**os.environ, "RAY_AUTH_TOKEN": door.token()},
    )

    assert (done.returncode, done.stdout) == (0, "True False\n"), done.stderr
    assert door.record() == record

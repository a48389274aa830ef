"""A cluster of several nodes that somebody else runs: what happens to runs when parts of it die."""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from synapse_core.errors import WorkerLostError
from synapse_core.executors.ray.calls import raise_failure
from synapse_core.executors.ray.cluster.places import Cluster
from synapse_core.executors.ray.driver.door import DriverDoor
from synapse_core.model.run import Run, RunStatus, WorkerId
from synapse_core.operations.clusters.verbs import stop_cluster
from synapse_core.operations.runs import get_run
from synapse_core.types import JSONObject
from synapse_core.workspace import Workspace, open_workspace
from tests.ray.counting import LINES, assert_ends_whole, has_come, make_counting_plugin
from tests.ray.looking import end, processes_behind, start
from tests.ray.several import Several
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(120)

ROUNDS = max(2, int(os.environ.get("SYNAPSE_CHAOS_ROUNDS", "6")) // 3)
"""With three runs in each."""

BIN = Path(sys.executable).parent
PLACES = [("count", "lab"), ("count_warm", "lab"), ("count", "job@lab")]
CLUSTERS = ("lab", "client")
TIERS = pytest.mark.parametrize(
    ("on", "action"),
    [
        pytest.param("lab", "count", id="launcher"),
        pytest.param("lab", "count_warm", id="warm"),
        pytest.param("job@lab", "count", id="job"),
    ],
)


@pytest.fixture(scope="module")
def plugin(several: Several) -> Path:
    return make_counting_plugin(several.root / "plugins" / "chaos")


@pytest.fixture(scope="module")
def workspace(several: Several, plugin: Path) -> Iterator[Workspace]:
    home = several.root / "home"
    home.mkdir()
    (home / "config.yaml").write_text(several.config())
    with open_workspace(home, [plugin.parent]) as opened:
        yield opened
        for name in CLUSTERS:
            stop_cluster(opened.home, os.environ, name, force=True)


def pause_of(on: str) -> float:
    """Return a pause between lines that is long enough for a run to be there when it is lost.

    A job is held by a process of Ray's that looks once a second, and ours every two.
    """
    return 0.2 if on.startswith("job") else 0.12


def holders() -> list[psutil.Process]:
    """Return the actors of Ray's that hold warm processes, which are not their children."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if (process.info["cmdline"] or [""])[0].startswith("ray::WarmHolder")
    ]


@TIERS
def test_a_run_whose_node_is_killed_goes_on_at_another_one(
    workspace: Workspace, plugin: Path, several: Several, on: str, action: str
) -> None:
    run = start(workspace, plugin, action, on, pause=pause_of(on))
    wait_until(lambda: has_come(workspace, run, 10))
    behind = processes_behind(get_run(workspace, run.id))
    node = several.node_of(holders() if action == "count_warm" else behind)

    several.kill_node(node)
    several.add_node()

    done = end(workspace, run)
    assert_ends_whole(workspace, done)
    assert (done.status, done.attempt) == (RunStatus.SUCCEEDED, 2)


def test_a_run_that_is_not_repeated_says_that_it_was_lost(
    workspace: Workspace, plugin: Path, several: Several
) -> None:
    run = start(workspace, plugin, "count", "lab", retries=0, pause=0.12)
    wait_until(lambda: has_come(workspace, run, 10))
    node = several.node_of(processes_behind(get_run(workspace, run.id)))

    several.kill_node(node)
    several.add_node()

    lost = end(workspace, run)
    assert_ends_whole(workspace, lost)
    assert lost.status is RunStatus.FAILED


def test_runs_survive_that_all_processes_of_the_machine_they_were_started_on_are_killed(
    workspace: Workspace, plugin: Path
) -> None:
    by_agent = start_by_agent(workspace, plugin, "job@lab", pause=0.1)
    by_hand = start_by_hand(workspace, plugin, "lab", pause=0.1)
    driver = DriverDoor(workspace.home, os.environ, Cluster("lab")).record()
    assert driver is not None

    for process in (by_agent, by_hand, psutil.Process(WorkerId.parse(driver.worker).pid)):
        process.kill()
        process.wait()

    active = workspace.runs.active()
    assert "lab" in {listed.executor for listed in active}
    for listed in active:
        done = end(workspace, listed)
        assert_ends_whole(workspace, done)
        assert done.status is RunStatus.SUCCEEDED
        assert done.attempt == (1 if done.executor == "job@lab" else 2)


@pytest.mark.timeout(60 + 60 * ROUNDS)
def test_whatever_is_killed_each_run_ends_once(
    workspace: Workspace, plugin: Path, several: Several
) -> None:
    """Each round repeats by its number, as far as the machine does."""
    for number in range(ROUNDS):
        play(workspace, plugin, several, random.Random(number))  # noqa: S311 - no secret


def test_when_the_head_is_killed_runs_end_and_others_are_told_why_they_cannot_begin(
    workspace: Workspace, plugin: Path, several: Several
) -> None:
    run = start(workspace, plugin, "count", "lab", pause=0.1)
    wait_until(lambda: has_come(workspace, run, 10))

    several.kill_head()

    done = end(workspace, run)
    assert_ends_whole(workspace, done)
    with pytest.raises(WorkerLostError, match=r"head of the cluster 'lab' .* has not answered"):
        start_until_refused(workspace, plugin)
    with pytest.raises(WorkerLostError, match=r"dashboard .* does not answer"):
        start(workspace, plugin, "count", "job@lab")
    stop_cluster(workspace.home, os.environ, "lab", force=True)
    with pytest.raises(WorkerLostError, match=f"No Ray cluster on {several.address}"):
        raise_failure_of(end(workspace, start(workspace, plugin, "count", "lab")))


def start_until_refused(workspace: Workspace, plugin: Path) -> None:
    """Start runs; it takes some seconds until a silent head is taken for dead."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        start(workspace, plugin, "count", "lab")


def raise_failure_of(run: Run) -> None:
    assert run.failure is not None
    raise_failure(run.failure, run.id)


def play(workspace: Workspace, plugin: Path, several: Several, chance: random.Random) -> None:
    """Start three runs, kill up to three things under them, and look how they end."""
    runs = [
        start(workspace, plugin, *chance.choice(PLACES), pause=chance.uniform(0.01, 0.1))
        for _ in range(3)
    ]
    for _ in range(chance.randint(1, 3)):
        target, moment = chance.choice(runs), chance.randint(1, LINES)
        wait_until(lambda target=target, moment=moment: has_come(workspace, target, moment))
        kill_something(workspace, several, target, chance)
    for run in runs:
        assert_ends_whole(workspace, end(workspace, run))


def kill_something(
    workspace: Workspace, several: Several, target: Run, chance: random.Random
) -> None:
    """Kill a process behind a run, a node, or what drives the cluster from here."""
    match chance.choices(["process", "node", "driver"], weights=[6, 3, 1])[0]:
        case "process":
            behind = processes_behind(get_run(workspace, target.id))
            if behind:
                chance.choice(behind).kill()
        case "node":
            several.kill_node(chance.choice(several.nodes))
            several.add_node()
        case _:
            record = DriverDoor(workspace.home, os.environ, Cluster("lab")).record()
            if record is not None:
                psutil.Process(WorkerId.parse(record.worker).pid).kill()


def start_by_hand(workspace: Workspace, plugin: Path, on: str, *, pause: float) -> psutil.Popen:
    """Return a process of the command line that has started a run and follows it."""
    words = ["run", "start", str(plugin), "count", "-p", f"pause={pause}", "--on", on, "--follow"]
    process = psutil.Popen(
        [str(BIN / "synapse"), *words],
        env={**os.environ, "SYNAPSE_HOME": str(workspace.home.root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process.stdout as said:
        assert any("counted" in line for line in said)
    return process


def start_by_agent(workspace: Workspace, plugin: Path, on: str, *, pause: float) -> psutil.Popen:
    """Return an MCP server that has started a run for an agent."""
    process = psutil.Popen(
        [str(BIN / "synapse-mcp"), "--root", str(plugin.parent)],
        env={**os.environ, "SYNAPSE_HOME": str(workspace.home.root)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    client: JSONObject = {"name": "agent", "version": "1"}
    params: JSONObject = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client}
    order: JSONObject = {"plugin": str(plugin), "action": "count", "executor": on}
    order["params"] = {"pause": pause}
    call: JSONObject = {"name": "run_start", "arguments": order}
    messages: list[JSONObject] = [
        {"id": 1, "method": "initialize", "params": params},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/call", "params": call},
    ]
    with process.stdin as orders, process.stdout as answers:
        for message in messages:
            orders.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
            orders.flush()
        answer = next(json.loads(line) for line in answers if '"id":2' in line.replace(" ", ""))
    assert not answer["result"].get("isError"), answer
    return process

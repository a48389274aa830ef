"""Runs on a machine that does not see the home: the plugin goes there, all it says comes back."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from synapse_core.errors import InvalidInputError, TooLargeError
from synapse_core.model.run import Run, RunStatus
from synapse_core.operations.clusters.verbs import stop_cluster
from synapse_core.operations.outputs import read_output
from synapse_core.operations.runs import cancel_run, get_run
from synapse_core.runs.processes import host_name
from synapse_core.workspace import Workspace
from tests.dependencies.wheels import make_wheel
from tests.ray.far import Far, can_be_built
from tests.ray.faraway import (
    assert_bad_wires_cost_time_only,
    assert_nothing_is_left,
    lines,
    make_far_plugin,
    open_far,
)
from tests.ray.looking import (
    end,
    events,
    is_gone,
    kill,
    launchers,
    messages,
    start,
    wait_until,
)

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(not can_be_built(), reason="needs a user who may make networks"),
]

ROUNDS = max(2, int(os.environ.get("SYNAPSE_CHAOS_ROUNDS", "6")) // 3)

TIERS = pytest.mark.parametrize("on", ["far", "job@far"])


@pytest.fixture(scope="module")
def plugin(far: Far) -> Path:
    return make_far_plugin(far)


@pytest.fixture
def workspace(far: Far, plugin: Path) -> Iterator[Workspace]:
    with open_far(far, plugin) as opened:
        yield opened


def running(workspace: Workspace, run: Run, line: str) -> Run:
    """Return the run as soon as it has said the line."""
    wait_until(lambda: line in messages(workspace, run.id))
    return get_run(workspace, run.id)


@TIERS
def test_a_run_away_says_and_leaves_the_same_as_at_home(
    workspace: Workspace, plugin: Path, far: Far, on: str
) -> None:
    here = end(workspace, start(workspace, plugin, "work", "local", word="hello"))
    there = end(workspace, start(workspace, plugin, "work", on, word="hello"))

    assert there.status is RunStatus.SUCCEEDED, there.failure
    assert there.result == {"home": str(far.node_home), "folder": "far_trials"}
    assert [(e.kind, e.data.keys()) for e in events(workspace, there.id)] == [
        (e.kind, e.data.keys()) for e in events(workspace, here.id)
    ]
    assert messages(workspace, there.id) == messages(workspace, here.id)
    assert there.summary.metrics == here.summary.metrics
    assert there.summary.artifacts == here.summary.artifacts
    assert read_output(workspace, there.id, "notes.txt", max_bytes=100) == "small"
    model = workspace.home.run_dir(there.id) / "artifacts/large/model.bin"
    assert model.stat().st_size == 20_000_000
    assert_nothing_is_left(far, there)


def test_a_version_is_sent_once_and_without_what_is_ignored(
    workspace: Workspace, plugin: Path, far: Far
) -> None:
    for word in ("one", "two"):
        end(workspace, start(workspace, plugin, "work", "far", word=word))
    before = {path.name for path in far.away.glob("cache/sent/*/far_trials")}
    sent = list(far.away.glob("cache/sent/*/far_trials"))

    (plugin / "helping.py").write_text("def shout(word):\n    return f'{word}?'\n")
    run = end(workspace, start(workspace, plugin, "work", "far", word="three"))

    assert before
    assert len(sent) == 1
    assert not (sent[0] / "secret.txt").exists()
    assert messages(workspace, run.id)[0] == "three?"
    assert len(list(far.away.glob("cache/sent/*/far_trials"))) == 2


def test_what_is_too_large_to_be_sent_is_refused_with_its_largest_files(
    workspace: Workspace, plugin: Path
) -> None:
    large = plugin / "weights.bin"
    with large.open("wb") as file:
        file.truncate(200 << 20)
    try:
        with pytest.raises(TooLargeError, match=r"weights\.bin \(200\.0 MiB\)"):
            start(workspace, plugin, "work", "far")
    finally:
        large.unlink()


@TIERS
def test_what_no_machine_has_is_refused(workspace: Workspace, plugin: Path, on: str) -> None:
    end(workspace, start(workspace, plugin, "count", "far", to=0))  # it is connected to by now

    with pytest.raises(InvalidInputError, match=r"what the run asks for: .*GPU 8"):
        start(workspace, plugin, "greedy", on)


def test_a_line_arrives_within_a_tenth_of_a_second(workspace: Workspace, plugin: Path) -> None:
    run = start(workspace, plugin, "count", "far", to=20, pause=0.1)
    late: list[float] = []
    cursor = None
    while len(late) < 20:
        workspace.journals.wait(run.id, cursor, timeout_s=20)
        page = workspace.journals.read(run.id, after=cursor)
        now = time.time()
        cursor = page.next_cursor
        late += [now - e.time for e in page.items if "line" in str(e.data.get("message"))]

    assert sorted(late)[len(late) // 2] < 0.1
    end(workspace, run)


def test_a_service_that_cannot_be_reached_costs_nothing_but_time(
    workspace: Workspace, plugin: Path, far: Far
) -> None:
    run = start(workspace, plugin, "count", "far", to=30, pause=0.1)
    running(workspace, run, "line 3")
    with far.cut():
        wait_until(lambda: (far.away / "runs").exists() and has_said(far, run, "line 20"))
        assert "line 20" not in messages(workspace, run.id)

    done = end(workspace, run)
    assert (done.status, done.result, done.attempt) == (RunStatus.SUCCEEDED, 30, 1)
    assert messages(workspace, run.id) == lines(30)
    assert_nothing_is_left(far, run)


def test_a_network_that_is_slow_breaks_and_loses_what_is_said_costs_nothing_but_time(
    far: Far, plugin: Path
) -> None:
    assert_bad_wires_cost_time_only(far, plugin, ROUNDS)


@TIERS
def test_a_run_that_ends_while_the_service_is_gone_is_told_when_it_is_back(
    workspace: Workspace, plugin: Path, far: Far, on: str
) -> None:
    run = start(workspace, plugin, "count", on, to=15, pause=0.1)
    running(workspace, run, "line 3")
    far.kill_service()
    wait_until(lambda: has_said(far, run, '"status":"succeeded"'))
    assert workspace.runs.get(run.id).status is RunStatus.RUNNING
    far.start_service()

    done = end(workspace, run)
    assert (done.status, done.result, done.attempt) == (RunStatus.SUCCEEDED, 15, 1)
    assert messages(workspace, run.id) == lines(15)
    assert_nothing_is_left(far, run)


@TIERS
def test_what_a_killed_worker_printed_is_not_lost(
    workspace: Workspace, plugin: Path, far: Far, on: str
) -> None:
    run = running(workspace, start(workspace, plugin, "hang", on), "half")
    assert run.owner is not None
    assert not run.owner.startswith(host_name())  # it is a machine of its own indeed
    sleeps = far.processes("sleep")

    kill(far.supervisor_of(run))

    lost = end(workspace, run)
    assert lost.failure is not None
    assert (lost.status, lost.failure.code) == (RunStatus.FAILED, "worker_lost")
    assert messages(workspace, run.id)[:3] == ["from below", "half", "unfinished"]
    assert sleeps
    wait_until(lambda: all(is_gone(process) for process in sleeps))
    assert_nothing_is_left(far, run)


def test_a_worker_whose_place_is_lost_leaves_and_tells_all_it_knows(
    workspace: Workspace, plugin: Path, far: Far
) -> None:
    run = running(workspace, start(workspace, plugin, "hang", "far"), "half")
    supervisor = far.supervisor_of(run)
    (launcher,) = launchers(run)

    kill(launcher)

    lost = end(workspace, run)
    assert lost.failure is not None
    assert (lost.status, lost.failure.code) == (RunStatus.FAILED, "worker_lost")
    assert messages(workspace, run.id)[:3] == ["from below", "half", "unfinished"]
    wait_until(lambda: is_gone(supervisor))


def test_what_nobody_was_left_to_send_is_sent_by_the_next_run(
    workspace: Workspace, plugin: Path, far: Far
) -> None:
    run = running(
        workspace, start(workspace, plugin, "count", "far", to=1000, pause=0.02), "line 3"
    )
    (launcher,) = launchers(run)
    supervisor = far.supervisor_of(run)
    launcher.suspend()  # it sends nothing any more
    wait_until(lambda: has_said(far, run, "line 50"))
    kill(supervisor)
    kill(launcher)
    wait_until(lambda: is_gone(supervisor))
    written = max(n for n in range(1000) if has_said(far, run, f'"line {n}"'))

    other = end(workspace, start(workspace, plugin, "count", "far", to=1, pause=0.0))

    assert other.status is RunStatus.SUCCEEDED
    lost = end(workspace, run)
    assert lost.failure is not None
    assert (lost.status, lost.failure.code) == (RunStatus.FAILED, "worker_lost")
    assert messages(workspace, run.id)[: written + 1] == lines(written + 1)
    assert_nothing_is_left(far, run)


def test_another_attempt_goes_on_behind_what_the_first_one_said(
    workspace: Workspace, plugin: Path, far: Far
) -> None:
    marker = far.node_home / "marker"
    run = start(workspace, plugin, "count", "far", to=3, pause=0.0, marker=str(marker), retries=1)
    run = running(workspace, run, "line 2")
    wait_until(marker.exists)

    kill(far.supervisor_of(run))

    done = end(workspace, run)
    assert (done.status, done.result, done.attempt) == (RunStatus.SUCCEEDED, 3, 2)
    assert messages(workspace, run.id) == [*lines(3), *lines(3)]


@TIERS
def test_a_run_away_is_cancelled_soon(
    workspace: Workspace, plugin: Path, far: Far, on: str
) -> None:
    took: list[float] = []
    if on.startswith("job"):
        stop_cluster(workspace.home, os.environ, "far", force=True)  # nobody but Ray is there
    for _ in range(3):
        run = running(workspace, start(workspace, plugin, "hang", on), "half")
        begun = time.monotonic()
        ended = cancel_run(workspace, run.id, force=True, wait_s=20)
        took.append(time.monotonic() - begun)
        assert ended.status is RunStatus.CANCELLED
        assert_nothing_is_left(far, run)

    # It is told so, and does not learn of it with its next heartbeat.
    assert sorted(took)[1] < 1, took


def test_a_job_away_has_its_time_to_end(workspace: Workspace, plugin: Path, far: Far) -> None:
    stop_cluster(workspace.home, os.environ, "far", force=True)
    run = running(workspace, start(workspace, plugin, "tidy", "job@far"), "begun")

    ended = cancel_run(workspace, run.id, wait_s=20)

    assert ended.status is RunStatus.CANCELLED
    assert messages(workspace, run.id) == ["begun", "tidied"]
    assert_nothing_is_left(far, run)


def test_a_machine_that_sees_no_home_and_knows_no_service_says_what_to_do(
    workspace: Workspace, plugin: Path, far: Far
) -> None:
    run = end(workspace, start(workspace, plugin, "count", "blind", to=1))

    assert run.status is RunStatus.FAILED
    assert run.failure is not None
    assert f"{far.name} does not see the home" in run.failure.message
    assert "synapse serve" in run.failure.hint


def test_a_cluster_of_other_versions_is_refused_before_anything_is_placed(
    workspace: Workspace, plugin: Path, far: Far
) -> None:
    with far.pretending(python_version="3.9.1"):
        run = end(workspace, start(workspace, plugin, "count", "odd", to=1))

    assert run.status is RunStatus.FAILED
    assert run.failure is not None
    assert (run.failure.code, run.attempt) == ("conflict", 0)
    assert "has other versions" in run.failure.message
    assert "Python: 3.9.1" in run.failure.message
    assert "Use the cluster's versions" in run.failure.hint


def test_libraries_are_installed_on_the_machine_from_wheels_that_go_along(
    workspace: Workspace, plugin: Path, far: Far
) -> None:
    folder = plugin.parent / "lib_trials"
    make_wheel(folder / "wheels", "far_library", "1.5", module="far_library")
    (folder / "config.yaml").write_text("name: Lib\ncode: lib_trials\nversion: 1.0.0\n")
    (folder / "requirements.txt").write_text("far_library>=1\n")
    (folder / "library_actions.py").write_text(
        "from synapse_core import action\n\n\n@action\ndef tell(ctx) -> str:\n"
        "    import far_library\n\n    return f'{far_library.VERSION} {far_library.__file__}'\n"
    )

    first = end(workspace, start(workspace, folder, "tell", "far"))
    again = end(workspace, start(workspace, folder, "tell", "far"))

    assert first.status is RunStatus.SUCCEEDED, first.failure
    version, _, place = str(first.result).partition(" ")
    assert version == "1.5"
    assert Path(place).is_relative_to(far.away / "cache" / "venvs")
    assert again.result == first.result


def test_a_machine_that_is_switched_off_loses_the_run_and_the_next_one_has_room(
    workspace: Workspace, plugin: Path, far: Far
) -> None:
    run = running(workspace, start(workspace, plugin, "count", "far", to=1000, pause=0.1), "line 9")

    far.kill_node()

    lost = end(workspace, run)
    assert lost.failure is not None
    assert (lost.status, lost.failure.code) == (RunStatus.FAILED, "worker_lost")
    assert "The node that the run was on was lost" in lost.failure.message
    assert messages(workspace, run.id)[:10] == lines(10)
    far.start_node()
    again = end(workspace, start(workspace, plugin, "count", "far", to=1))
    assert again.status is RunStatus.SUCCEEDED


def has_said(far: Far, run: Run, text: str) -> bool:
    """Whether the worker has recorded it on the node."""
    return any(
        text in journal.read_text() for journal in far.away.glob(f"runs/*/{run.id}/journal.jsonl")
    )

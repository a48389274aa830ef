"""Processes that stay on a machine that does not see the home of their runs."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from synapse_core.errors import TooLargeError
from synapse_core.model.run import Run, RunStatus
from synapse_core.operations.outputs import read_output
from synapse_core.operations.runs import cancel_run, get_run
from synapse_core.types import JSONObject
from synapse_core.workspace import Workspace
from tests.dependencies.wheels import make_wheel
from tests.ray.far import Far, can_be_built
from tests.ray.faraway import (
    assert_bad_wires_cost_time_only,
    assert_nothing_is_left,
    lines,
    open_far,
)
from tests.ray.looking import end, events, is_gone, kill, messages, start
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(not can_be_built(), reason="needs a user who may make networks"),
]

ROUNDS = max(1, int(os.environ.get("SYNAPSE_CHAOS_ROUNDS", "6")) // 6)

SOURCE = """
    import os
    import subprocess
    import time
    from pathlib import Path

    from synapse_core import action

    VERSION = 1
    LOADED = []


    @action
    def label(ctx, word: str = "") -> dict[str, object]:
        LOADED.append(word)
        print("label", word)
        ctx.save_artifact(word.encode(), "words/label.txt")
        return {
            "loaded": len(LOADED),
            "pid": os.getpid(),
            "version": VERSION,
            "home": os.environ["HOME"],
        }


    @action
    def count(ctx, to: int = 10, pause: float = 0.1) -> int:
        for number in range(to):
            print(f"line {number}")
            time.sleep(pause)
        return to


    @action
    def hold(ctx) -> None:
        subprocess.Popen(["sleep", "1000"])
        print(f"holding {os.getpid()}")
        time.sleep(60)


    @action
    def leave_once(ctx, marker: str) -> str:
        print("attempt")
        if Path(marker).exists():
            return "stayed"
        Path(marker).touch()
        os._exit(3)
"""

CONFIG = """
    name: Warm far
    code: warm_far
    actions:
      label: {entrypoint: "warm_far_actions:label", reuse: true}
      count: {entrypoint: "warm_far_actions:count", reuse: true}
      hold: {entrypoint: "warm_far_actions:hold", reuse: true}
      leave_once: {entrypoint: "warm_far_actions:leave_once", reuse: true}
"""


@pytest.fixture(scope="module")
def plugin(far: Far) -> Path:
    folder = far.near / "plugins" / "warm_far"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(dedent(CONFIG))
    (folder / "warm_far_actions.py").write_text(dedent(SOURCE))
    return folder


@pytest.fixture
def workspace(far: Far, plugin: Path) -> Iterator[Workspace]:
    with open_far(far, plugin) as opened:
        yield opened


def label(workspace: Workspace, plugin: Path, word: str = "") -> tuple[Run, JSONObject]:
    run = end(workspace, start(workspace, plugin, "label", "far", word=word))
    assert run.status is RunStatus.SUCCEEDED, run.failure
    assert isinstance(run.result, dict)
    return run, run.result


def holding(workspace: Workspace, plugin: Path) -> Run:
    """Return a run that holds on, as soon as it says so."""
    run = start(workspace, plugin, "hold", "far")
    wait_until(lambda: bool(messages(workspace, run.id)))
    return get_run(workspace, run.id)


def has_ended_there(far: Far, run: Run) -> bool:
    """Whether the machine has the end of the run on record."""
    journals = far.away.glob(f"runs/*/{run.id}/journal.jsonl")
    return any('"status":"succeeded"' in journal.read_text() for journal in journals)


def lost(workspace: Workspace, run: Run) -> bool:
    """Whether the run has ended as that of a lost worker."""
    ended = end(workspace, run)
    return ended.failure is not None and ended.failure.code == "worker_lost"


def test_what_was_loaded_stays_and_all_that_is_made_comes_home(
    workspace: Workspace, plugin: Path, far: Far
) -> None:
    _, first = label(workspace, plugin, "one")
    run, second = label(workspace, plugin, "two")

    assert first["home"] == str(far.node_home)
    assert second == {**first, "loaded": 2}
    assert messages(workspace, run.id) == ["label two"]
    assert [event.kind for event in events(workspace, run.id)] == [
        "status",
        "log",
        "artifact",
        "output",
        "status",
    ]
    assert read_output(workspace, run.id, "words/label.txt", max_bytes=100) == "two"
    assert_nothing_is_left(far, run)


def test_code_of_another_version_is_never_executed(
    workspace: Workspace, plugin: Path, far: Far
) -> None:
    _, before = label(workspace, plugin)
    older = far.process(int(str(before["pid"])))
    source = plugin / "warm_far_actions.py"
    source.write_text(source.read_text().replace("VERSION = 1", "VERSION = 2"))

    _, after = label(workspace, plugin)

    assert (before["version"], after["version"], after["loaded"]) == (1, 2, 1)
    wait_until(lambda: is_gone(older))


def test_what_is_too_large_to_be_sent_is_refused(workspace: Workspace, plugin: Path) -> None:
    with (plugin / "weights.bin").open("wb") as file:
        file.truncate(200 << 20)
    try:
        with pytest.raises(TooLargeError, match="weights"):
            start(workspace, plugin, "label", "far")
    finally:
        (plugin / "weights.bin").unlink()


def test_a_line_arrives_within_a_tenth_of_a_second(workspace: Workspace, plugin: Path) -> None:
    run = start(workspace, plugin, "count", "far", to=10, pause=0.05)
    late: list[float] = []
    cursor = None
    while len(late) < 10:
        workspace.journals.wait(run.id, cursor, timeout_s=20)
        page = workspace.journals.read(run.id, after=cursor)
        now = time.time()
        cursor = page.next_cursor
        late += [now - e.time for e in page.items if "line" in str(e.data.get("message"))]

    assert sorted(late)[5] < 0.1
    assert end(workspace, run).status is RunStatus.SUCCEEDED


def test_a_service_that_is_gone_for_a_while_costs_nothing_but_time(
    workspace: Workspace, plugin: Path, far: Far
) -> None:
    _, before = label(workspace, plugin)
    run = start(workspace, plugin, "count", "far", to=10, pause=0.05)
    wait_until(lambda: "line 3" in messages(workspace, run.id))
    far.kill_service()
    wait_until(lambda: has_ended_there(far, run))
    assert workspace.runs.get(run.id).status is RunStatus.RUNNING
    far.start_service()

    done = end(workspace, run)
    assert (done.status, done.result, done.attempt) == (RunStatus.SUCCEEDED, 10, 1)
    assert messages(workspace, run.id) == lines(10)
    assert_nothing_is_left(far, run)
    assert label(workspace, plugin)[1]["pid"] == before["pid"]


def test_a_network_that_breaks_and_loses_what_is_said_costs_nothing_but_time(
    far: Far, plugin: Path
) -> None:
    assert_bad_wires_cost_time_only(far, plugin, ROUNDS)


def test_a_run_is_cancelled_soon(workspace: Workspace, plugin: Path, far: Far) -> None:
    run = holding(workspace, plugin)
    begun = time.monotonic()

    ended = cancel_run(workspace, run.id, force=True, wait_s=20)

    assert ended.status is RunStatus.CANCELLED
    assert time.monotonic() - begun < 2  # it is told so, and does not learn of it by and by
    assert_nothing_is_left(far, run)


def test_a_run_that_takes_too_long_is_stopped(workspace: Workspace, plugin: Path) -> None:
    late = end(workspace, start(workspace, plugin, "count", "far", to=1000, timeout_s=0.5))

    assert late.failure is not None
    assert late.failure.code == "run_timeout"
    said = messages(workspace, late.id)
    assert said == lines(len(said))  # and nothing of what looks after it


def test_a_killed_process_loses_its_run_only(workspace: Workspace, plugin: Path, far: Far) -> None:
    run = holding(workspace, plugin)
    sleeps = far.processes("sleep")

    kill(far.supervisor_of(run))

    assert lost(workspace, run)
    assert messages(workspace, run.id)[0].startswith("holding")
    assert sleeps
    assert all(is_gone(process) for process in sleeps)
    assert_nothing_is_left(far, run)
    assert label(workspace, plugin)[1]["loaded"] == 1


def test_a_process_that_dies_while_idle_costs_nothing(
    workspace: Workspace, plugin: Path, far: Far
) -> None:
    _, before = label(workspace, plugin)
    process = far.process(int(str(before["pid"])))

    kill(process)
    wait_until(lambda: is_gone(process))

    assert label(workspace, plugin)[1]["loaded"] == 1


def test_another_attempt_goes_on_behind_what_the_first_one_said(
    workspace: Workspace, plugin: Path, far: Far
) -> None:
    marker = str(far.node_home / "leave-once")

    done = end(workspace, start(workspace, plugin, "leave_once", "far", retries=1, marker=marker))

    assert (done.status, done.result, done.attempt) == (RunStatus.SUCCEEDED, "stayed", 2)
    assert messages(workspace, done.id) == ["attempt", "attempt"]


def test_a_process_whose_place_is_lost_leaves_and_all_it_said_comes_home(
    workspace: Workspace, plugin: Path, far: Far
) -> None:
    run = holding(workspace, plugin)
    host = far.supervisor_of(run)
    begun = time.monotonic()
    (holder,) = far.processes("ray::WarmHolder.execute")

    kill(holder)

    assert lost(workspace, run)
    assert time.monotonic() - begun < 8  # its lease was laid down, and nobody waits for it to lapse
    assert messages(workspace, run.id)[0].startswith("holding")
    assert is_gone(host)
    assert label(workspace, plugin)[1]["loaded"] == 1
    assert_nothing_is_left(far, run)


def test_a_process_stays_in_the_environment_that_an_earlier_run_installed(
    workspace: Workspace, plugin: Path, far: Far
) -> None:
    folder = plugin.parent / "warm_lib"
    make_wheel(folder / "wheels", "warm_library", "1.5", module="warm_library")
    (folder / "config.yaml").write_text(
        "name: Lib\ncode: warm_lib\nversion: 1.0.0\n"
        "actions: {tell: {entrypoint: 'warm_lib_actions:tell', reuse: true}}\n"
    )
    (folder / "requirements.txt").write_text("warm_library>=1\n")
    (folder / "warm_lib_actions.py").write_text(
        "import os\n\nfrom synapse_core import action\n\n\n@action\n"
        "def tell(ctx) -> tuple[str, int]:\n    import warm_library\n\n"
        "    return warm_library.__file__, os.getpid()\n"
    )

    runs = [end(workspace, start(workspace, folder, "tell", "far")) for _ in range(3)]

    places, pids = zip(*(run.result for run in runs), strict=True)  # pyright: ignore[reportArgumentType] - what `tell` returns
    assert len({*places}) == 1
    assert Path(places[0]).is_relative_to(far.away / "cache" / "venvs")
    assert pids[0] != pids[1] == pids[2]

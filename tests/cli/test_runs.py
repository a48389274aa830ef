"""Runs are started, watched, stopped, repeated, compared and cleared away from a shell."""

import re
import shlex
from pathlib import Path
from textwrap import dedent

import pytest

from tests.cli.calling import Call, OpenTerminal

pytestmark = pytest.mark.usefixtures("plugin")

SOURCE = '''
import time
from synapse_core import RuntimeContext, action

@action()
def train(ctx: RuntimeContext, epochs: int = 2, model: str = "small") -> dict:
    """Train nothing."""
    for epoch in range(epochs):
        ctx.set_progress(epoch + 1, epochs)
        ctx.set_metrics({"loss": 1 / (epoch + 1)}, "train")
        print("epoch", epoch)
    ctx.logger.warning("nearly done")
    ctx.log_message("Trained.")
    ctx.save_artifact(f"epochs: {epochs}\\n", "report.txt")
    return {"epochs": epochs}

@action()
def fail() -> None:
    raise FileNotFoundError("weights.pt")

@action()
def wait(ctx: RuntimeContext, seconds: float = 60) -> None:
    ctx.log("ready")
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        ctx.check_cancelled()
        time.sleep(0.01)
'''


@pytest.fixture
def plugin(folder: Path) -> Path:
    """A plugin in the current folder."""
    place = folder / "trainer"
    place.mkdir()
    actions = "".join(f"  {name}:\n    entrypoint: work:{name}\n" for name in ("train", "fail"))
    manifest = f"name: T\ncode: trainer\nversion: 1.0.0\nactions:\n{actions}"
    wait = "  wait:\n    entrypoint: work:wait\n    resources: {cpus: 2, custom: {fpga: 1}}\n"
    (place / "config.yaml").write_text(manifest + wait)
    (place / "work.py").write_text(dedent(SOURCE))
    return place


def test_a_run_goes_from_its_start_to_its_files(synapse: Call, folder: Path) -> None:
    run_id = synapse("run", "start", "trainer", "train", "-p", "epochs=3").out.strip()
    followed = synapse("run", "follow", run_id, "--all")
    shown = synapse("run", "show", run_id, "--json").json
    saved = synapse("run", "outputs", "last", "report.txt", "--save", folder / "copy.txt")

    assert re.fullmatch(r"\d{8}-\d{6}-\w{8}", run_id)
    assert followed.code == 0
    assert "epoch 2" in followed.out + followed.err
    assert (shown["status"], shown["result"]) == ("succeeded", {"epochs": 3})
    assert saved.code == 0
    assert (folder / "copy.txt").read_text() == "epochs: 3\n"


def test_what_a_run_asks_for_is_shown(synapse: Call) -> None:
    synapse("run", "start", "trainer", "wait", "-p", "seconds=0", "--wait")

    assert "cpus 2, fpga 1" in synapse("run", "show", "last").out
    assert synapse("run", "show", "last", "--json").json["resources"]["custom"] == {"fpga": 1}


def test_the_number_of_lines_is_that_of_the_log(synapse: Call) -> None:
    synapse("run", "start", "trainer", "train", "--wait")
    *lines, end = synapse("run", "logs", "last", "--json").json_lines
    plain = synapse("run", "logs", "last").out.splitlines()

    assert end["total_lines"] == len(lines) == len(plain)
    assert end["eof"] is True


def test_a_log_is_filtered_and_read_on(synapse: Call) -> None:
    synapse("run", "start", "trainer", "train", "-p", "epochs=9", "--wait")
    heavy = synapse("run", "logs", "last", "--level", "warning").out
    found = synapse("run", "logs", "last", "--grep", "EPOCH 4", "-C", "1").out
    *_, end = synapse("run", "logs", "last", "--tail", "1", "--json").json_lines
    rest = synapse("run", "logs", "last", "--cursor", end["next_cursor"], "--json").json_lines

    assert [line.rsplit(" ", 2)[-2:] for line in heavy.splitlines()] == [["nearly", "done"]]
    assert re.findall(r"epoch \d", found) == ["epoch 3", "epoch 4", "epoch 5"]
    assert [line for line in rest if "seq" in line] == []


def test_a_failed_run_tells_why_and_where_by_its_exit_code_too(synapse: Call) -> None:
    done = synapse("run", "start", "trainer", "fail", "--wait")
    shown = synapse("run", "show", "last", "--traceback").out

    assert done.code == 1
    assert "FileNotFoundError: weights.pt" in done.out + done.err
    assert "work.py" in shown
    assert 'raise FileNotFoundError("weights.pt")' in shown
    assert "Traceback (most recent call last)" in shown


def test_wrong_params_start_nothing_and_the_example_can_be_typed(synapse: Call) -> None:
    refused = synapse("run", "start", "trainer", "train", "--params", "epochs=many")
    none = synapse("run", "list", "--json").json
    example = re.search(r"^Example: (--params .*)$", refused.err, re.MULTILINE)
    assert example, refused.err
    mended = synapse("run", "start", "trainer", "train", *shlex.split(example[1]), "--wait")

    assert (refused.code, none["runs"], mended.code) == (2, [], 0)


def test_a_dry_run_starts_nothing(synapse: Call) -> None:
    done = synapse("run", "start", "trainer", "train", "--dry-run", "--json")

    assert (done.code, done.json["dry_run"]) == (0, True)
    assert synapse("run", "list", "--json").json["runs"] == []


def test_the_same_key_gives_the_same_run(synapse: Call) -> None:
    first, again = (synapse("run", "start", "trainer", "train", "--key", "k").out for _ in range(2))

    assert first == again


def test_a_run_is_cancelled_from_another_shell(synapse: Call, program: Call) -> None:
    run_id = synapse("run", "start", "trainer", "wait").out.strip()
    cancelled = program("run", "cancel", run_id, "--json")
    followed = synapse("run", "follow", run_id)

    assert (cancelled.code, cancelled.json["status"]) == (0, "cancelled")
    assert followed.code == 1
    assert synapse("run", "cancel", run_id).code == 0, "asking again changes nothing"


def test_a_run_is_repeated_with_other_params_and_compared(synapse: Call) -> None:
    first = synapse("run", "start", "trainer", "train", "--wait", "--json").json
    again = synapse("run", "rerun", "last", "-p", "epochs=4", "--wait", "--json").json
    diff = synapse("run", "diff", first["id"], again["id"], "--json").json

    assert (again["rerun_of"], again["result"]) == (first["id"], {"epochs": 4})
    assert [part["path"] for part in diff["result"]] == ["result.epochs"]
    assert {part["path"] for part in diff["metrics"]} == {"train.loss"}


def test_runs_are_listed_by_what_they_are_and_in_pages(synapse: Call) -> None:
    for action in ("train", "fail", "train"):
        synapse("run", "start", "trainer", action, "--wait")
    failed = synapse("run", "list", "--status", "failed", "--json").json["runs"]
    trained = synapse("run", "list", "--action", "train", "--json").json["runs"]
    none = synapse("run", "list", "--plugin", "other", "--json").json["runs"]
    old = synapse("run", "list", "--until", "1h", "--json").json["runs"]
    first = synapse("run", "list", "-n", "2", "--json").json
    second = synapse("run", "list", "-n", "2", "--cursor", first["next_cursor"], "--json").json
    ids = [run["id"] for run in first["runs"] + second["runs"]]

    assert [run["action"] for run in failed] == ["fail"]
    assert (len(trained), none, old) == (2, [], [])
    assert (len(ids), ids, second["next_cursor"]) == (3, sorted(set(ids), reverse=True), None)


def test_ended_runs_are_cleared_away_when_told_so(synapse: Call, variables: dict[str, str]) -> None:
    for _ in range(3):
        synapse("run", "start", "trainer", "train", "--wait")
    going = synapse("run", "start", "trainer", "wait").out.strip()
    unasked = synapse("run", "prune", "--all")
    plan = synapse("run", "prune", "--keep", "1", "--dry-run", "--json").json
    pruned = synapse("run", "prune", "--keep", "1", "--yes", "--json").json
    left = [run["id"] for run in synapse("run", "list", "--json").json["runs"]]
    synapse("run", "cancel", going, "--force")
    folders = {path.name for path in Path(variables["SYNAPSE_HOME"]).glob("runs/*/*")}

    assert unasked.code == 4
    assert plan["run_ids"] == pruned["run_ids"]
    assert len(pruned["run_ids"]) == 2
    assert left[0] == going
    assert folders == set(left)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["run", "show", "20200101-000000-aaaaaaaa"], 3),
        (["run", "show", "last"], 3),
        (["run", "start", "traner", "train"], 3),
        (["run", "start", "trainer", "trian"], 3),
        (["run", "start", "trainer", "train", "--timeout", "-1"], 2),
        (["run", "list", "--since", "yesterday-ish"], 2),
        (["run", "list", "--cursor", "no-cursor"], 2),
    ],
)
def test_what_cannot_be_done_has_its_exit_code(synapse: Call, words: list[str], code: int) -> None:
    done = synapse(*words)

    assert done.code == code, done.err
    assert done.err


def test_a_person_sees_progress_and_may_leave_without_stopping_the_run(
    terminals: OpenTerminal, synapse: Call
) -> None:
    terminal = terminals("run", "start", "trainer", "wait", "-p", "seconds=30", "--follow")
    terminal.read_until("ready")
    terminal.interrupt()
    code, _ = terminal.end()
    status = synapse("run", "show", "last", "--json").json["status"]
    synapse("run", "cancel", "last", "--force")

    assert (code, status) == (130, "running")


def test_the_short_form_runs_an_action_to_its_end(synapse: Call, plugin: Path) -> None:
    (plugin.parent / "params.json").write_text('{"epochs": 1}')
    by_file = synapse(
        "plugin", "run", "train", "--plugin", "trainer", "--params", "@params.json", "--json"
    )
    by_json = synapse(
        "plugin", "run", "train", "--plugin", "trainer", "--params", '{"epochs": 5}', "--json"
    )

    assert (by_file.code, by_json.code) == (0, 0)
    assert by_json.json_lines[-1]["result"] == {"epochs": 5}


def test_the_short_form_says_where_and_how_often_it_runs(synapse: Call) -> None:
    train = ("plugin", "run", "train", "--plugin", "trainer")
    planned = synapse(*train, "--on", "local", "--retries", "2", "--dry-run", "--json").json
    nowhere = synapse(*train, "--on", "moon")

    assert (planned["executor"], planned["retry"]["retries"]) == ("process", 2)
    assert nowhere.code == 2
    assert "moon" in nowhere.err
    assert "local" in nowhere.err

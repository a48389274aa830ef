"""`synapse pipeline …`."""

from pathlib import Path

import pytest

from tests.cli.calling import Call
from tests.pipelines.conftest import ACTIONS, CONFIG


@pytest.fixture
def works(folder: Path) -> Path:
    plugin = folder / "works"
    plugin.mkdir()
    (plugin / "config.yaml").write_text(CONFIG, encoding="utf-8")
    (plugin / "works.py").write_text(ACTIONS, encoding="utf-8")
    return plugin


@pytest.mark.usefixtures("works")
def test_a_pipeline_is_listed_drawn_and_run(synapse: Call) -> None:
    listed = synapse("pipeline", "list", "--json").json["pipelines"]
    assert {one["name"] for one in listed} >= {"squares", "line"}
    assert "works   squares   4" in synapse("pipeline", "list", "works").out

    assert synapse("pipeline", "graph", "works", "line").out == (
        "split  works/split\n└─ total  works/total\n"
    )
    assert synapse("pipeline", "graph", "works", "line", "-F", "svg").out.startswith("<svg")
    assert "n0 --> n1" in synapse("pipeline", "graph", "works", "line", "-F", "mermaid").out
    graph = synapse("pipeline", "graph", "works", "line", "--json").json
    assert graph["params"]["required"] == ["count"]

    done = synapse("pipeline", "run", "works", "squares", "-p", "count=3")
    assert done.code == 0
    assert "square  succeeded (3/3)" in done.out
    assert '"total": 5' in done.out
    stood = synapse("pipeline", "graph", "works", "squares", "--run", "last").out
    assert stood.startswith("✔ split  works/split\n")
    assert "↷ extra" in stood
    assert "is one of 'squares'" in synapse("pipeline", "graph", "works", "line", "-r", "last").err


@pytest.mark.usefixtures("works")
def test_a_failed_run_is_shown_and_resumed(synapse: Call, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    failed = synapse("pipeline", "run", "works", "failing", "-p", f"flag={flag}")
    assert failed.code == 1
    assert "bad failed: ValueError" in failed.out
    assert "synapse pipeline resume" in failed.err
    shown = synapse("pipeline", "show", "last")
    assert "after_bad  skipped" in shown.out
    nodes = synapse("pipeline", "show", "last", "--json").json["nodes"]
    assert [one["status"] for one in nodes] == ["failed", "skipped", "succeeded", "succeeded"]

    flag.touch()
    assert synapse("pipeline", "resume", "last", "--dry-run").code == 0
    resumed = synapse("pipeline", "resume", "last", "--follow", "--json")
    assert resumed.code == 0
    *progress, last = resumed.json_lines
    assert {one["type"] for one in progress} == {"progress"}
    assert (last["type"], last["status"]) == ("run", "succeeded")
    other = {one["name"]: one["status"] for one in progress[-1]["progress"]}["other"]
    assert other == "skipped"


@pytest.mark.usefixtures("works")
def test_a_submitted_run_is_cancelled_and_followed(synapse: Call) -> None:
    run_id = synapse("pipeline", "submit", "works", "slow").out.strip()

    assert synapse("pipeline", "cancel", run_id).code == 0
    assert synapse("pipeline", "follow", run_id).code == 1
    assert "cancelled" in synapse("pipeline", "show", run_id).out


def test_what_is_wrong_is_told_with_the_remedy(synapse: Call, works: Path) -> None:
    unknown = synapse("pipeline", "run", "works", "squres")
    assert unknown.code == 3
    assert "Did you mean 'squares'?" in unknown.err

    config = works / "config.yaml"
    text = config.read_text(encoding="utf-8").replace("${split.numbers}", "${split.nmbers}")
    config.write_text(text, encoding="utf-8")
    broken = synapse("pipeline", "graph", "works", "squares")
    assert broken.code != 0
    assert "node square, map" in broken.err
    assert "Did you mean 'numbers'?" in broken.err


@pytest.mark.usefixtures("works")
def test_a_run_of_an_action_is_no_pipeline(synapse: Call) -> None:
    synapse("run", "start", "works", "split", "-p", "count=1", "--wait")

    assert "no pipeline" in synapse("pipeline", "show", "last").err

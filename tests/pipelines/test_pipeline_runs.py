"""Pipelines through worker processes: results, failures, resuming, cancelling, clearing up."""

from pathlib import Path
from typing import Any

import pytest

from synapse_core.errors import (
    ConflictError,
    InvalidInputError,
    ParamsError,
    PipelineDefinitionError,
    PipelineNotFoundError,
)
from synapse_core.model.event import EventKind
from synapse_core.model.run import Run, RunFilter, RunKind, RunStatus
from synapse_core.operations.history import delete_runs
from synapse_core.operations.pipelines.verbs import (
    StartPipeline,
    describe_pipeline,
    follow_progress,
    get_progress,
    list_pipelines,
    resume_pipeline,
    start_pipeline,
)
from synapse_core.operations.runs import StartRun, cancel_run, get_run, start_run, wait_run
from synapse_core.workspace import Workspace

PATIENCE_S = 40.0


def run(workspace: Workspace, name: str, **given: Any) -> Run:  # noqa: ANN401 - fields of a request
    request = StartPipeline(plugin="works", pipeline=name, **given)
    return wait_run(workspace, start_pipeline(workspace, request).id, timeout_s=PATIENCE_S)


def nodes(workspace: Workspace, run_id: str) -> dict[str, Run]:
    listed = workspace.runs.list(RunFilter(parent_id=run_id), limit=1000).items
    return {node.node: workspace.runs.get(node.id) for node in listed}


def steps(workspace: Workspace, run_id: str) -> dict[str, str]:
    return get_run(workspace, run_id).summary.steps


def messages(workspace: Workspace, run_id: str) -> list[str]:
    kinds = frozenset({EventKind.MESSAGE})
    events = workspace.journals.read(run_id, kinds=kinds).items
    return [str(event.data["message"]) for event in events]


def test_each_node_is_a_run_with_a_log_of_its_own(workspace: Workspace) -> None:
    ended = run(workspace, "squares", params={"count": 4})

    assert ended.failure is None
    assert ended.result == {"total": 14, "extra": None}
    assert ended.kind is RunKind.PIPELINE
    made = nodes(workspace, ended.id)
    assert set(made) == {"split", "total", *(f"square[{number}]" for number in range(4))}
    assert made["square[3]"].params == {"number": 3}
    assert made["square[3]"].result == 9
    assert made["split"].code == made["total"].code != ""
    lines = workspace.journals.read(made["split"].id, kinds=frozenset({EventKind.LOG})).items
    assert [line.data["message"] for line in lines] == ["splitting 4"]
    assert ended.summary.steps == {
        "split": "succeeded", "square": "succeeded", "total": "succeeded", "extra": "skipped",
    }  # fmt: skip


def test_only_the_pipeline_is_listed(workspace: Workspace) -> None:
    ended = run(workspace, "line", params={"count": 2})

    assert ended.result == {"total": 1}
    assert [one.id for one in workspace.runs.list(RunFilter()).items] == [ended.id]


def test_a_pipeline_is_started_like_an_action(workspace: Workspace) -> None:
    started = start_run(workspace, StartRun(plugin="works", action="line", params={"count": 3}))

    assert wait_run(workspace, started.id, timeout_s=PATIENCE_S).result == {"total": 3}


@pytest.mark.parametrize("params", [{}, {"count": "x"}, {"count": 1, "cuont": 2}])
def test_params_are_checked_before_anything_is_made(
    workspace: Workspace, params: dict[str, Any]
) -> None:
    with pytest.raises(ParamsError):
        run(workspace, "line", params=params)
    assert workspace.runs.list(RunFilter()).items == ()


def test_pipelines_are_listed_and_described(workspace: Workspace) -> None:
    listed = {one.name: one for one in list_pipelines(workspace)}
    described = describe_pipeline(workspace, "works", "squares")

    assert listed["squares"].nodes == ("split", "square", "total", "extra")
    assert listed["squares"].description == "Adds up squares."
    assert [node.name for node in described.plan.nodes] == ["split", "square", "total", "extra"]
    assert described.params["properties"] == {
        "count": {"title": "Count", "type": "integer", "default": 3}
    }
    with pytest.raises(PipelineNotFoundError, match="squares"):
        describe_pipeline(workspace, "works", "square")


def test_what_does_not_fit_is_told_with_node_and_field(workspace: Workspace, plugin: Path) -> None:
    config = plugin / "config.yaml"
    text = config.read_text(encoding="utf-8")
    text = text.replace("${split.numbers}", "${split.nmbers}").replace(
        "works/square", "work/square"
    )
    config.write_text(text, encoding="utf-8")

    with pytest.raises(PipelineDefinitionError) as caught:
        describe_pipeline(workspace, "works", "squares")
    problems: Any = caught.value.data["problems"]
    faults = [(one["node"], one["field"]) for one in problems]
    assert faults == [("square", "action"), ("square", "map")]

    config.write_text(text.replace("work/square", "square"), encoding="utf-8")
    with pytest.raises(PipelineDefinitionError, match="no field 'nmbers'") as caught:
        describe_pipeline(workspace, "works", "squares")
    assert caught.value.data["node"] == "square"


def test_nodes_share_folders_and_have_the_variables_of_their_plugin(workspace: Workspace) -> None:
    assert run(workspace, "sharing").result == "hello data"


def test_a_failed_run_keeps_what_it_has_and_goes_on_from_there(
    workspace: Workspace, tmp_path: Path
) -> None:
    flag = tmp_path / "flag"
    failed = run(workspace, "failing", params={"flag": str(flag)})

    assert failed.status is RunStatus.FAILED
    assert failed.failure is not None
    assert failed.failure.code == "pipeline_failed"
    assert f"bad failed: ValueError: there is no {flag}" in failed.failure.message
    assert failed.attempt == 1
    assert steps(workspace, failed.id) == {
        "bad": "failed", "after_bad": "skipped", "other": "succeeded",
        "undone": "rolled_back",
    }  # fmt: skip
    before = nodes(workspace, failed.id)
    assert before["undone:undo"].status is RunStatus.SUCCEEDED

    flag.touch()
    resumed = resume_pipeline(workspace, failed.id)
    ended = wait_run(workspace, resumed.id, timeout_s=PATIENCE_S)

    assert ended.status is RunStatus.SUCCEEDED
    assert (ended.rerun_of, ended.resume) == (failed.id, True)
    after = nodes(workspace, ended.id)
    assert {key: one.status.value for key, one in after.items()} == {
        "bad": "succeeded", "after_bad": "succeeded", "other": "skipped", "undone": "succeeded",
    }  # fmt: skip
    assert after["other"].result == before["other"].result
    assert after["other"].rerun_of == before["other"].id
    assert steps(workspace, ended.id)["other"] == "skipped"
    assert any("undone runs again: it was undone" in text for text in messages(workspace, ended.id))


def test_changed_code_and_params_are_detected_and_said(workspace: Workspace, plugin: Path) -> None:
    first = run(workspace, "squares", params={"count": 2})
    source = plugin / "works.py"
    source.write_text(source.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")

    again = wait_run(workspace, resume_pipeline(workspace, first.id).id, timeout_s=PATIENCE_S)
    assert set(steps(workspace, again.id).values()) == {"succeeded", "skipped"}
    assert any(
        f"split runs again: its code has changed since {first.id}" in text
        for text in messages(workspace, again.id)
    )

    other = resume_pipeline(workspace, again.id, params={"count": 3})
    ended = wait_run(workspace, other.id, timeout_s=PATIENCE_S)
    made = nodes(workspace, ended.id)
    assert ended.result == {"total": 5, "extra": None}
    assert made["square[0]"].status is RunStatus.SKIPPED
    assert made["square[2]"].status is RunStatus.SUCCEEDED
    assert any(
        "split runs again: its params have" in text for text in messages(workspace, ended.id)
    )


def test_what_was_skipped_once_is_skipped_again(workspace: Workspace) -> None:
    first = run(workspace, "line", params={"count": 2})
    second = wait_run(workspace, resume_pipeline(workspace, first.id).id, timeout_s=PATIENCE_S)
    third = wait_run(workspace, resume_pipeline(workspace, second.id).id, timeout_s=PATIENCE_S)

    assert third.result == first.result
    assert set(steps(workspace, third.id).values()) == {"skipped"}
    assert {one.status for one in nodes(workspace, third.id).values()} == {RunStatus.SKIPPED}


def test_a_cached_node_is_executed_once_for_the_same_code_and_inputs(workspace: Workspace) -> None:
    first = run(workspace, "kept", params={"text": "a"})
    second = run(workspace, "kept", params={"text": "a"})
    third = run(workspace, "kept", params={"text": "b"})

    told = [steps(workspace, one.id)["write"] for one in (first, second, third)]
    assert told == ["succeeded", "skipped", "succeeded"]
    result: Any = nodes(workspace, first.id)["write"].result
    assert nodes(workspace, second.id)["write"].result == result


def waiting_run(workspace: Workspace) -> Run:
    """Return a run whose second node waits for ever."""
    started = start_pipeline(workspace, StartPipeline(plugin="works", pipeline="slow"))
    for progress in follow_progress(workspace, started.id, timeout_s=PATIENCE_S):
        if progress.current_action == "slow" and progress.progress[1].run_ids:
            return started
    raise AssertionError("it never came so far")


@pytest.mark.parametrize("force", [False, True])
def test_cancelling_ends_the_run_with_all_its_nodes(workspace: Workspace, force: bool) -> None:  # noqa: FBT001 - a case of the test
    started = waiting_run(workspace)

    ended = cancel_run(workspace, started.id, force=force, wait_s=PATIENCE_S)
    slow = wait_run(workspace, nodes(workspace, started.id)["slow"].id, timeout_s=PATIENCE_S)

    assert ended.status is RunStatus.CANCELLED
    assert slow.status is RunStatus.CANCELLED
    assert set(nodes(workspace, started.id)) == {"first", "slow"}
    # What is left of it is a run to go on from.
    resumed = resume_pipeline(workspace, started.id)
    assert resumed.resume
    cancel_run(workspace, resumed.id, wait_s=PATIENCE_S)


def test_a_cancelled_node_fails_its_pipeline(workspace: Workspace) -> None:
    started = waiting_run(workspace)

    cancel_run(workspace, nodes(workspace, started.id)["slow"].id)
    ended = wait_run(workspace, started.id, timeout_s=PATIENCE_S)

    assert ended.failure is not None
    assert "slow failed: RunCancelledError: Somebody cancelled it." in ended.failure.message


def test_a_pipeline_that_takes_too_long_is_stopped_once(workspace: Workspace) -> None:
    ended = run(workspace, "slow", timeout_s=1.5)

    assert ended.failure is not None
    assert "took longer than its 1.5 s" in ended.failure.message
    assert ended.attempt == 1
    assert not [one for one in nodes(workspace, ended.id).values() if not one.status.is_terminal]


def test_nodes_go_with_their_pipeline_and_not_alone(workspace: Workspace) -> None:
    ended = run(workspace, "line", params={"count": 2})
    made = nodes(workspace, ended.id)

    with pytest.raises(ConflictError, match="is a node of"):
        delete_runs(workspace, [made["split"].id])
    report = delete_runs(workspace, [ended.id])

    assert report.freed_bytes > 0
    assert nodes(workspace, ended.id) == {}
    assert not workspace.home.run_dir(made["split"].id).exists()


def test_only_an_ended_run_of_the_same_pipeline_is_resumed(workspace: Workspace) -> None:
    ended = run(workspace, "line", params={"count": 2})

    with pytest.raises(InvalidInputError, match="not the pipeline 'sharing'"):
        run(workspace, "sharing", resume_from=ended.id)
    with pytest.raises(InvalidInputError, match="no pipeline"):
        resume_pipeline(workspace, nodes(workspace, ended.id)["split"].id)
    started = waiting_run(workspace)
    with pytest.raises(ConflictError, match="goes on by itself"):
        resume_pipeline(workspace, started.id)
    cancel_run(workspace, started.id, force=True, wait_s=PATIENCE_S)


def test_the_progress_has_each_node(workspace: Workspace) -> None:
    ended = run(workspace, "squares", params={"count": 4})

    progress = get_progress(workspace, ended.id)
    told = {one.name: one for one in progress.progress}

    assert progress.fraction == 1.0
    assert list(told) == ["split", "square", "total", "extra"]
    assert (told["square"].done, told["square"].total) == (4, 4)
    assert told["total"].needs == ["square"]
    assert told["extra"].status is RunStatus.SKIPPED
    assert told["extra"].message == "${split.count} > 5 does not hold"
    assert told["split"].action == "works/split"
    assert len(told["split"].run_ids) == 1


@pytest.mark.parametrize("is_removed", [False, True])
def test_a_node_that_was_left_over_is_ended_by_who_looks_at_it(
    workspace: Workspace,
    is_removed: bool,  # noqa: FBT001 - a case of the test
) -> None:
    """Its conductor was killed by force before it could place it, and so was the supervisor."""
    ended = run(workspace, "line", params={"count": 2})
    node = nodes(workspace, ended.id)["split"]
    parent = "20250101-000000-00000000" if is_removed else ended.id
    left = workspace.runs.create(
        Run(
            id="20260101-000000-00000000",
            plugin="works",
            action="split",
            parent_id=parent,
            entrypoint=node.entrypoint,
            plugin_path=node.plugin_path,
            created_at=1.0,
            node="left",
        )
    )

    assert get_run(workspace, left.id).status is RunStatus.CANCELLED


def test_a_node_that_is_cancelled_alone_has_failed(workspace: Workspace) -> None:
    started = start_pipeline(workspace, StartPipeline(plugin="works", pipeline="apart"))
    for progress in follow_progress(workspace, started.id, timeout_s=PATIENCE_S):
        slow = progress.progress[0]
        if slow.status is RunStatus.RUNNING:
            cancel_run(workspace, slow.run_ids[0])
    ended = wait_run(workspace, started.id, timeout_s=PATIENCE_S)

    assert ended.status is RunStatus.FAILED
    assert ended.failure is not None
    assert "slow failed" in ended.failure.message
    assert steps(workspace, ended.id) == {
        "slow": "failed", "behind": "skipped", "other": "succeeded",
    }  # fmt: skip

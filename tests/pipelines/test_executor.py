"""Pipelines written in Python through worker processes."""

import asyncio
import importlib.util
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from synapse_core import ProcessPipelineExecutor, action
from synapse_core.errors import (
    InvalidInputError,
    PipelineDefinitionError,
    PipelineError,
    RunCancelledError,
    RunTimeoutError,
)
from synapse_core.model.run import RunStatus
from synapse_core.pipelines import (
    ActionPipeline,
    Node,
    display_progress,
    display_progress_async,
    item,
    params,
)


@pytest.fixture
def works(plugin: Path) -> Iterator[ModuleType]:
    """The plugin's module, imported as a program beside it would."""
    name = "works"
    spec = importlib.util.spec_from_file_location(name, plugin / "works.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[name]


@pytest.fixture
def executor(tmp_path: Path, plugin: Path) -> Iterator[ProcessPipelineExecutor]:
    with ProcessPipelineExecutor(tmp_path / "home", [plugin.parent]) as opened:
        yield opened


def test_a_chain_runs_and_is_waited_for(
    works: ModuleType, executor: ProcessPipelineExecutor
) -> None:
    pipeline = ActionPipeline([works.split, works.total])

    run_id = pipeline.submit({"count": 4}, executor)

    assert pipeline.wait(run_id, executor) == {"total": 6}
    assert executor.get_status(run_id) is RunStatus.SUCCEEDED
    assert executor.get_result(run_id) == {"total": 6}


def test_what_runs_in_process_runs_the_same_through_workers(
    works: ModuleType, executor: ProcessPipelineExecutor
) -> None:
    split = Node(works.split).inputs(count=params.count)
    square = Node(works.square).map(over=split.numbers).inputs(number=item)
    total = Node("works/total").inputs(numbers=square)
    pipeline = ActionPipeline([split, square, total], output=[total.total, split["count"]])

    assert pipeline.wait(pipeline.submit({"count": 4}, executor), executor) == [14, 4]


def test_progress_is_streamed_and_shown(
    works: ModuleType, executor: ProcessPipelineExecutor
) -> None:
    pipeline = ActionPipeline([works.split, works.total])
    shown, shown_async = io.StringIO(), io.StringIO()

    final = display_progress(
        executor.stream_progress(pipeline.submit({"count": 2}, executor)), shown
    )
    other = asyncio.run(
        display_progress_async(
            executor.stream_progress_async(pipeline.submit({"count": 2}, executor)), shown_async
        )
    )

    for progress, text in ((final, shown), (other, shown_async)):
        assert progress is not None
        assert progress.status is RunStatus.SUCCEEDED
        assert executor.get_progress(progress.run_id) == progress
        assert "total  succeeded" in text.getvalue()


def test_a_failed_run_is_resumed(
    works: ModuleType, executor: ProcessPipelineExecutor, tmp_path: Path
) -> None:
    pipeline = ActionPipeline([works.split, works.fail], name="checked")
    given = {"count": 3, "flag": str(tmp_path / "flag")}
    failed = pipeline.submit(given, executor)

    with pytest.raises(PipelineError, match="fail failed: ValueError"):
        pipeline.wait(failed, executor)
    (tmp_path / "flag").touch()
    resumed = pipeline.submit(given, executor, resume_from=failed)

    assert pipeline.wait(resumed, executor) == {"ok": True}
    told: Any = {one.name: one.status.value for one in executor.get_progress(resumed).progress}
    assert told == {"split": "skipped", "fail": "succeeded"}
    with pytest.raises(InvalidInputError, match="not the pipeline 'other'"):
        pipeline.submit(given, executor, name="other", resume_from=failed)


def test_what_was_finished_of_a_failed_run_is_told(
    works: ModuleType, executor: ProcessPipelineExecutor, tmp_path: Path
) -> None:
    split = Node(works.split).inputs(count=2)
    square = Node(works.square).map(over=split.numbers).inputs(number=item)
    path = Node(works.write, "undone").inputs(text="x").options(undo=works.undo)
    each = Node(works.write, "each").map(over=["a"]).inputs(text=item).options(undo=works.undo)
    part = Node(works.write, "part").inputs(text="y").options(undo=works.undo)
    inner = Node(ActionPipeline([part], name="inner"), "inside")
    bad = Node(works.fail).inputs(flag=str(tmp_path / "none")).after(square, path, each, inner)
    pipeline = ActionPipeline([split, square, path, each, inner, bad])

    with pytest.raises(PipelineError) as caught:
        pipeline.wait(pipeline.submit({}, executor), executor)
    with pytest.raises(PipelineError) as here:
        pipeline.execute({})

    expected = {"split": {"numbers": [0, 1], "count": 2}, "square": [0, 1]}
    assert caught.value.data["results"] == expected
    assert here.value.data["results"] == expected


def test_a_run_is_cancelled(works: ModuleType, executor: ProcessPipelineExecutor) -> None:
    pipeline = ActionPipeline([works.wait])
    run_id = pipeline.submit({}, executor)

    with pytest.raises(RunTimeoutError, match="goes on"):
        pipeline.wait(run_id, executor, 0.05)
    with pytest.raises(InvalidInputError, match="Call `wait`"):
        executor.get_result(run_id)
    executor.cancel(run_id)
    with pytest.raises(RunCancelledError):
        pipeline.wait(run_id, executor)


def test_what_no_other_process_can_import_is_refused(executor: ProcessPipelineExecutor) -> None:
    @action
    def local() -> None: ...

    with pytest.raises(PipelineDefinitionError, match="cannot be imported by another process"):
        ActionPipeline([local]).submit({}, executor)

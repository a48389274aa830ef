"""What the guide to pipelines shows, as a reader of it would type it."""

import asyncio
import importlib
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from types import ModuleType

import pytest

from synapse_core import ProcessPipelineExecutor
from synapse_core.errors import PipelineError, StoreUnavailableError
from synapse_core.pipelines import ActionPipeline, display_progress, display_progress_async

ACTIONS = """
    from pathlib import Path

    from pydantic import BaseModel

    from synapse_core import BaseAction


    class DownloadParams(BaseModel):
        dataset_id: int


    class Dataset(BaseModel):
        path: str


    class DownloadAction(BaseAction[DownloadParams]):
        result_model = Dataset

        def execute(self) -> Dataset:
            path = self.ctx.pipeline.datasets_dir / f"{self.params.dataset_id}.txt"
            path.write_text("one two three")
            return Dataset(path=str(path))


    class ConvertParams(BaseModel):
        path: str


    class Converted(BaseModel):
        words: int


    class ConvertAction(BaseAction[ConvertParams]):
        result_model = Converted

        def execute(self) -> Converted:
            return Converted(words=len(Path(self.params.path).read_text().split()))


    class TrainParams(BaseModel):
        words: int
        gate: str = ""


    class TrainAction(BaseAction[TrainParams]):
        def execute(self) -> dict:
            self.set_progress(1, 1)
            if self.params.gate and not Path(self.params.gate).exists():
                raise RuntimeError("the GPU is on fire")
            return {"weights": f"{self.params.words}.pt"}
"""


@pytest.fixture
def actions(tmp_path: Path) -> Iterator[ModuleType]:
    (tmp_path / "guide_actions.py").write_text(dedent(ACTIONS), encoding="utf-8")
    sys.path.insert(0, str(tmp_path))
    yield importlib.import_module("guide_actions")
    sys.path.remove(str(tmp_path))
    del sys.modules["guide_actions"]


@pytest.fixture
def pipeline(actions: ModuleType) -> ActionPipeline:
    return ActionPipeline([actions.DownloadAction, actions.ConvertAction, actions.TrainAction])


@pytest.fixture
def executor(tmp_path: Path) -> Iterator[ProcessPipelineExecutor]:
    with ProcessPipelineExecutor(tmp_path / "home", [tmp_path]) as opened:
        yield opened


def test_a_pipeline_is_executed_where_it_stands(pipeline: ActionPipeline) -> None:
    assert pipeline.execute({"dataset_id": 123}) == {"weights": "3.pt"}


def test_a_pipeline_is_submitted_looked_at_and_waited_for(
    pipeline: ActionPipeline, executor: ProcessPipelineExecutor
) -> None:
    run_id = pipeline.submit({"dataset_id": 123}, executor)

    names = [one.name for one in executor.get_progress(run_id).progress]
    assert len(names) == 3
    assert pipeline.wait(run_id, executor) == {"weights": "3.pt"}


def test_progress_is_displayed_while_it_runs(
    pipeline: ActionPipeline, executor: ProcessPipelineExecutor
) -> None:
    shown = io.StringIO()
    run_id = pipeline.submit({"dataset_id": 123}, executor)
    final = display_progress(executor.stream_progress(run_id), file=shown)

    again = pipeline.submit({"dataset_id": 124}, executor)
    final_again = asyncio.run(
        display_progress_async(executor.stream_progress_async(again), file=shown)
    )

    assert final is not None
    assert final_again is not None
    assert (final.status, final_again.status) == ("succeeded", "succeeded")
    assert "train" in shown.getvalue().lower()


def test_a_failed_run_is_resumed_from_where_it_failed(
    pipeline: ActionPipeline, executor: ProcessPipelineExecutor, tmp_path: Path
) -> None:
    gate = tmp_path / "extinguisher"
    given = {"dataset_id": 123, "gate": str(gate)}
    run_id = pipeline.submit(given, executor)
    with pytest.raises(PipelineError, match="on fire"):
        pipeline.wait(run_id, executor)

    gate.touch()
    new_run_id = pipeline.submit(given, executor, resume_from=run_id)

    assert pipeline.wait(new_run_id, executor) == {"weights": "3.pt"}
    states = [one.status.value for one in executor.get_progress(new_run_id).progress]
    assert states == ["skipped", "skipped", "succeeded"]


def test_the_service_and_the_cluster_are_named_as_in_the_guide(
    tmp_path: Path, pipeline: ActionPipeline
) -> None:
    from synapse_core.executors.ray import (  # noqa: PLC0415 - as the guide imports it
        RayPipelineExecutor,
    )

    with pytest.warns(UserWarning, match="include_sdk sends none"):
        executor = RayPipelineExecutor(
            ray_address="ray://remote-cluster:10001",
            working_dir=tmp_path,
            pipeline_service_url="http://localhost:9",
            actor_pipeline_service_url="http://internal-service:8100",
            include_sdk=True,
            home=tmp_path / "home",
        )
    with (
        executor,
        pytest.raises(StoreUnavailableError, match="http://localhost:9"),
    ):
        pipeline.submit({"dataset_id": 123}, executor)

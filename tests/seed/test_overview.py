"""The promises of the overview: actions, contexts, steps, plugins, executors and variables."""

import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent

import pytest
from pydantic import BaseModel

from synapse_core import BaseAction, action, run_plugin
from synapse_core.actions.loading import isolated_modules
from synapse_core.context import RuntimeContext
from synapse_core.context.env import PluginEnvironment
from synapse_core.enums import PluginCategory
from synapse_core.errors import ActionNotFoundError, MissingExtraError, ParamsError, ResultError
from synapse_core.executors import LocalExecutor
from synapse_core.steps import BaseStep, BaseStepContext, Orchestrator, StepRegistry, StepResult
from synapse_core.testing import MemorySink, run_action
from synapse_core.types import ModelWeights, YOLODataset

TUTORIAL = {
    "params.py": """
        from pydantic import BaseModel, Field

        class ProcessParams(BaseModel):
            input_path: str = Field(..., description="Where to read")
            output_path: str = Field(..., description="Where to write")
            batch_size: int = Field(default=32, ge=1, le=1024)
            verbose: bool = False
        """,
    "results.py": """
        from pydantic import BaseModel

        class ProcessResult(BaseModel):
            status: str
            output_path: str
            items_processed: int
        """,
    "actions.py": """
        from my_plugin.params import ProcessParams
        from my_plugin.results import ProcessResult
        from synapse_core import BaseAction
        from synapse_core.enums import PluginCategory

        class ProcessAction(BaseAction[ProcessParams]):
            action_name = "process"
            category = PluginCategory.CUSTOM
            result_model = ProcessResult

            def execute(self) -> ProcessResult:
                self.log("process_start", {"input": self.params.input_path})
                for number in range(100):
                    self.set_progress(number + 1, 100)
                    if self.params.verbose:
                        self.log("item_processed", {"index": number})
                self.set_metrics({"items_processed": 100}, category="process")
                return ProcessResult(
                    status="completed", output_path=self.params.output_path, items_processed=100
                )
        """,
    "config.yaml": """
        name: My Plugin
        code: my_plugin
        version: 0.1.0
        category: custom

        actions:
          process:
            name: Process Files
            description: Process input files with batch processing
            entrypoint: my_plugin.actions:ProcessAction
            method: task
        """,
}

PROCESSED = {"status": "completed", "output_path": "/out.csv", "items_processed": 100}
PROCESS_PARAMS = {"input_path": "/in.csv", "output_path": "/out.csv", "batch_size": 64}


@pytest.fixture
def tutorial(tmp_path: Path) -> Iterator[Path]:
    """The folder of the tutorial's plugin."""
    folder = tmp_path / "my_plugin"
    folder.mkdir()
    for name, source in TUTORIAL.items():
        (folder / name).write_text(dedent(source), encoding="utf-8")
    with isolated_modules(folder):
        yield folder


class TrainParams(BaseModel):
    epochs: int = 10
    learning_rate: float = 0.001


class TrainAction(BaseAction[TrainParams]):
    def execute(self) -> dict[str, object]:
        for epoch in range(self.params.epochs):
            self.set_progress(epoch + 1, self.params.epochs)
        return {"status": "completed", "debug": self.ctx.env.get("DEBUG"), "job": self.ctx.job_id}


class ConvertParams(BaseModel):
    input_format: str
    output_format: str
    file_path: str


class ConvertResult(BaseModel):
    output_path: str
    converted: bool


@action(
    name="convert",
    description="Convert a file",
    params=ConvertParams,
    result=ConvertResult,
)
def convert(params: ConvertParams, context: RuntimeContext) -> ConvertResult:
    context.set_progress(0, 100)
    output_path = params.file_path.replace(params.input_format, params.output_format)
    context.set_progress(100, 100)
    return ConvertResult(output_path=output_path, converted=True)


def test_an_action_gets_typed_params_and_reports_progress() -> None:
    done = run_action(TrainAction, {"epochs": 4})

    assert done.result["status"] == "completed"
    (progress,) = done.progress.values()
    assert (progress.current, progress.total) == (4, 4)


def test_a_class_declares_what_it_takes_and_makes() -> None:
    class TrainResult(BaseModel):
        weights_path: str
        final_loss: float

    class Train(BaseAction[TrainParams]):
        action_name = "train"
        category = PluginCategory.NEURAL_NET
        input_type = YOLODataset
        output_type = ModelWeights
        result_model = TrainResult

        def execute(self) -> TrainResult:
            self.logger.info("Starting with %r", self.ctx.env.get("API_KEY", ""))
            return TrainResult(weights_path="best.pt", final_loss=0.1)

    done = run_action(Train, {}, env={"API_KEY": "k"})

    assert done.result == {"weights_path": "best.pt", "final_loss": 0.1}
    assert done.logs == ["Starting with 'k'"]


def test_a_function_runs_as_a_class_does_and_can_be_called_directly() -> None:
    params = {"input_format": "jpg", "output_format": "png", "file_path": "/a.jpg"}

    assert run_action(convert, params).result == {"output_path": "/a.png", "converted": True}
    assert LocalExecutor(sink=MemorySink()).execute(convert, params).converted


def test_a_step_has_name_and_weight_and_shares_a_context() -> None:
    class Context(BaseStepContext):
        data: str = ""

    class LoadDataStep(BaseStep[Context]):
        @property
        def name(self) -> str:
            return "load_data"

        @property
        def progress_weight(self) -> float:
            return 0.3

        def execute(self, context: Context) -> StepResult:
            context.data = "loaded"
            return StepResult(success=True)

    @action
    def act(ctx: RuntimeContext) -> str:
        context = Context(ctx)
        registry = StepRegistry[Context]()
        registry.register(LoadDataStep())
        Orchestrator(registry, context).execute()
        return context.data

    assert run_action(act).result == "loaded"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NEURAL_NET", "neural_net"),
        ("EXPORT", "export"),
        ("UPLOAD", "upload"),
        ("SMART_TOOL", "smart_tool"),
        ("PRE_ANNOTATION", "pre_annotation"),
        ("POST_ANNOTATION", "post_annotation"),
        ("DATA_VALIDATION", "data_validation"),
        ("CUSTOM", "custom"),
    ],
)
def test_the_categories_are_those_of_the_table(name: str, value: str) -> None:
    assert PluginCategory[name].value == value


def test_the_tutorial_runs_by_path_from_anywhere(tutorial: Path) -> None:
    result = run_plugin(str(tutorial), "process", PROCESS_PARAMS)

    assert result.model_dump() == PROCESSED


def test_the_tutorial_runs_by_its_code_beside_its_folder(tutorial: Path) -> None:
    script = f"""
from synapse_core import run_plugin

result = run_plugin(
    plugin_code="my_plugin", action="process", params={PROCESS_PARAMS!r}, mode="local"
)
print(f"Result: {{result.model_dump()}}")
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tutorial.parent,
        check=True,
        capture_output=True,
        text=True,
        timeout=50,
    )

    assert done.stdout == f"Result: {PROCESSED}\n"
    assert "process_start" in done.stderr
    assert "100" in done.stderr.splitlines()[-1]


def test_an_importable_package_runs_by_its_name(tutorial: Path) -> None:
    sys.path.insert(0, str(tutorial.parent))
    try:
        result = run_plugin("my_plugin", "process", PROCESS_PARAMS)
    finally:
        sys.path.remove(str(tutorial.parent))

    assert result.items_processed == 100


def test_a_module_without_a_manifest_runs_by_its_name(tmp_path: Path) -> None:
    source = (
        "from synapse_core import action\n@action\ndef double(n: int) -> int:\n    return 2 * n\n"
    )
    (tmp_path / "lone_module.py").write_text(source, encoding="utf-8")
    sys.path.insert(0, str(tmp_path))
    try:
        assert run_plugin("lone_module", "double", {"n": 4}) == 8
        with pytest.raises(ActionNotFoundError, match="no action 'duble'") as caught:
            run_plugin("lone_module", "duble")
    finally:
        sys.path.remove(str(tmp_path))
        del sys.modules["lone_module"]
    assert "Did you mean 'double'?" in caught.value.hint


def test_an_action_at_hand_needs_no_plugin() -> None:
    assert (
        run_plugin("any", "train", {"epochs": 1}, action_cls=TrainAction)["status"] == "completed"
    )


def test_wrong_params_and_results_end_the_run(tutorial: Path) -> None:
    with pytest.raises(ParamsError, match="batch_size"):
        run_plugin(tutorial, "process", {**PROCESS_PARAMS, "batch_size": 0})

    source = tutorial / "actions.py"
    text = source.read_text(encoding="utf-8")
    source.write_text(text.replace("return ProcessResult(", "return dict("), encoding="utf-8")
    (tutorial / "results.py").write_text(
        dedent(TUTORIAL["results.py"]) + "    more: int\n", encoding="utf-8"
    )
    with pytest.raises(ResultError, match="more: is required"):
        run_plugin(tutorial, "process", PROCESS_PARAMS)


@pytest.mark.skipif(find_spec("ray") is not None, reason="Ray is installed")
@pytest.mark.parametrize("mode", ["task", "job"])
def test_modes_that_need_ray_say_so(
    tutorial: Path, mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNAPSE_HOME", str(tmp_path / "home"))

    with pytest.raises(MissingExtraError, match="need the extra `ray`"):
        run_plugin(tutorial, "process", PROCESS_PARAMS, mode=mode)  # pyright: ignore[reportArgumentType] - one of them


def test_a_local_executor_gives_variables_and_a_job_id() -> None:
    executor = LocalExecutor(env={"DEBUG": "true"}, job_id="test-123", sink=MemorySink())

    result = executor.execute(action_cls=TrainAction, params={"epochs": 10})

    assert result == {"status": "completed", "debug": "true", "job": "test-123"}


def test_the_context_offers_all_that_its_reference_lists() -> None:
    @action
    def act(ctx: RuntimeContext) -> dict[str, object]:
        ctx.logger.info("Processing started")
        ctx.log("event_name", {"key": "value"})
        ctx.set_progress(current=50, total=100, category="training")
        ctx.set_metrics({"loss": 0.05, "accuracy": 0.95}, category="train")
        ctx.log_message("Training complete!")
        ctx.log_dev_event("checkpoint_saved", {"path": "/model.pt"})
        debug = ctx.env.get("DEBUG", "false") == "true"
        return {"debug": debug, "job": ctx.job_id, "client": ctx.client, "key": ctx.env.get("KEY")}

    done = run_action(act, env={"DEBUG": "true"}, job_id="j")

    assert done.result == {"debug": True, "job": "j", "client": None, "key": None}
    assert done.logs == ["Processing started", "event_name", "checkpoint_saved"]
    assert done.metrics == {"train": {"loss": 0.05, "accuracy": 0.95}}
    assert done.progress["training"].percent == 50
    assert done.messages == ["Training complete!"]


def test_variables_come_from_the_environment_and_from_files(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('API_KEY = "k"\nTAGS = ["a", "b"]\n', encoding="utf-8")

    environ = PluginEnvironment.from_environ(
        prefix="PLUGIN_", environ={"PLUGIN_BATCH_SIZE": "64", "PLUGIN_DEBUG": "yes", "OTHER": "1"}
    )
    merged = environ.merge(PluginEnvironment.from_file(tmp_path / "config.toml"))

    assert merged.get_str("API_KEY") == "k"
    assert merged.get_int("BATCH_SIZE", default=32) == 64
    assert merged.get_float("LEARNING_RATE", default=0.001) == 0.001
    assert merged.get_bool("DEBUG", default=False)
    assert merged.get_list("TAGS", default=[]) == ["a", "b"]
    assert "OTHER" not in merged

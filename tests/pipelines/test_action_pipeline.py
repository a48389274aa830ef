"""Pipelines written in Python: what they refuse, what they derive, how they run in process."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from synapse_core import BaseAction, RuntimeContext, action
from synapse_core.actions.definition import Action
from synapse_core.errors import (
    ParamsError,
    PipelineDefinitionError,
    PipelineError,
    RunCancelledError,
)
from synapse_core.model.event import EventKind
from synapse_core.model.run import RetryPolicy
from synapse_core.pipelines import ActionPipeline, Node, index, item, params
from synapse_core.runtime.cancellation import CancelToken
from synapse_core.testing.harness import make_context
from synapse_core.testing.sinks import MemorySink
from synapse_core.types import Dataset, ModelWeights, YOLODataset


class DownloadParams(BaseModel):
    dataset_id: int


class Download(BaseAction[DownloadParams]):
    output_type = Dataset

    def execute(self) -> dict[str, object]:
        return {"path": f"/data/{self.params.dataset_id}", "count": 3}


class Converted(BaseModel):
    path: Path
    count: int


@action(result=Converted, input_type=Dataset, output_type=YOLODataset)
def convert(path: str, count: int) -> Converted:
    return Converted(path=Path(path) / "yolo", count=count * 2)


@action(input_type=YOLODataset, output_type=ModelWeights)
def train(path: str, epochs: int = 3) -> dict[str, object]:
    return {"weights": f"{path}/{epochs}.pt", "epochs": epochs}


@action(result=Converted)
def scale(count: int, by: int = 2) -> Converted:
    return Converted(path=Path("x"), count=count * by)


@action
def fail(message: str = "no luck") -> None:
    raise ValueError(message)


@pytest.fixture
def sink() -> MemorySink:
    return MemorySink()


@pytest.fixture
def ctx(sink: MemorySink, tmp_path: Path) -> RuntimeContext:
    return make_context(sink, tmp_path)


def steps(sink: MemorySink) -> list[str]:
    told = [event.data for event in sink.events if event.kind is EventKind.STEP]
    return [f"{one['name']} {one['transition']}" for one in told]


def problems(make: Callable[[], object]) -> list[tuple[str, str]]:
    with pytest.raises(PipelineDefinitionError) as caught:
        make()
    told: Any = caught.value.data["problems"]
    assert str(told[0]["message"]) in caught.value.message
    return [(one["node"], one["field"]) for one in told]


def test_each_action_gets_the_fields_of_all_results_before_it(
    ctx: RuntimeContext, sink: MemorySink
) -> None:
    pipeline = ActionPipeline([Download, convert, train])

    assert pipeline.execute({"dataset_id": 7, "epochs": 9}, ctx) == {
        "weights": "/data/7/yolo/9.pt",
        "epochs": 9,
    }
    assert steps(sink) == [
        f"{name} {how}"
        for name in ("download", "convert", "train")
        for how in ("started", "succeeded")
    ]


def test_the_params_of_a_chain_are_those_that_no_result_brings() -> None:
    schema: Any = ActionPipeline([Download, convert, train]).params_schema

    assert schema["required"] == ["dataset_id"]
    # Download does not say what it returns, so that `path` may be given and need not be.
    assert set(schema["properties"]) == {"dataset_id", "path", "count", "epochs"}
    assert schema["properties"]["epochs"]["default"] == 3


@pytest.mark.parametrize("given", [{}, {"dataset_id": 1, "epoch": 3}])
def test_a_missing_or_misspelt_param_is_told_before_anything_runs(
    ctx: RuntimeContext, sink: MemorySink, given: dict[str, object]
) -> None:
    with pytest.raises(ParamsError, match=r"dataset_id|epoch"):
        ActionPipeline([Download, convert, train]).execute(given, ctx)
    assert sink.events == []


def test_an_action_may_stand_in_a_chain_twice(ctx: RuntimeContext, sink: MemorySink) -> None:
    result = ActionPipeline([scale, scale]).execute({"count": 3}, ctx)

    assert result.count == 12
    assert steps(sink)[-1] == "scale-2 succeeded"


def test_latest_cannot_be_the_name_of_a_node() -> None:
    @action("latest")
    def latest() -> None: ...

    with pytest.raises(PipelineDefinitionError, match="latest"):
        Node(latest)
    assert [node.name for node in ActionPipeline([latest]).plan.nodes] == ["latest-2"]


def test_a_graph_runs_as_its_inputs_say(ctx: RuntimeContext) -> None:
    converted = Node(convert).inputs(path="/d", count=params.count)
    trained = Node(train).inputs(path=converted.path)
    small = Node(scale, "small").inputs(count=converted["count"]).when(converted["count"] < 5)
    large = Node(scale, "large").inputs(count=converted["count"]).when(converted["count"] >= 5)
    each = Node(scale, "each").map(over=[1, 2, 3]).inputs(count=item, by=index)
    pipeline = ActionPipeline(
        [each, large, small, trained, converted],
        output={"weights": trained.weights, "small": small, "large": large, "each": each},
    )

    result: Any = pipeline.execute({"count": 4}, ctx)

    assert result["weights"] == "/d/yolo/3.pt"
    assert result["small"] is None
    assert result["large"]["count"] == 16
    assert [one["count"] for one in result["each"]] == [0, 2, 6]


def test_a_param_with_a_default_of_the_action_need_not_be_given(ctx: RuntimeContext) -> None:
    pipeline = ActionPipeline([Node(train).inputs(path="/d", epochs=params.epochs)])

    assert "required" not in pipeline.params_schema
    assert pipeline.execute({}, ctx)["epochs"] == 3
    assert pipeline.execute({"epochs": 5}, ctx)["epochs"] == 5


def test_text_with_a_dollar_is_given_as_it_is(ctx: RuntimeContext) -> None:
    pipeline = ActionPipeline([Node(train).inputs(path="${x}/$HOME")])

    assert pipeline.execute({}, ctx)["weights"] == "${x}/$HOME/3.pt"


def test_values_stand_within_text(ctx: RuntimeContext) -> None:
    @action
    def name(title: str) -> dict[str, str]:
        return {"title": title}

    first = Node(scale, "first").inputs(count=params.count)
    each = Node(name).map(over=["a"]).inputs(title=f"{item} of {first.count}, {index}: ${{HOME}}")
    other = Node(name, "other").inputs(title="x").when(f"{first.count} > 6")
    said = f"{each} and {params.count}"
    pipeline = ActionPipeline([first, each, other], output={"said": said, "all": each})

    assert pipeline.execute({"count": 3}, ctx) == {
        "said": '[{"title": "a of 6, 0: ${HOME}"}] and 3',
        "all": [{"title": "a of 6, 0: ${HOME}"}],
    }
    assert f"{first.count!s} {first.count!r}" == "${first.count} ${first.count}"
    with pytest.raises(PipelineDefinitionError, match="no field 'cuont'"):
        ActionPipeline([first, Node(name).inputs(title=f"{first.cuont} birds")])
    with pytest.raises(PipelineDefinitionError, match="'04d' cannot be done"):
        f"{first.count:04d}"


def test_what_follows_a_skipped_node_only_in_time_still_runs(
    ctx: RuntimeContext, sink: MemorySink
) -> None:
    first = Node(scale, "first").inputs(count=1).when(~params.wanted)
    user = Node(scale, "user").inputs(count=first["count"])
    later = Node(scale, "later").inputs(count=2).after(first)

    ActionPipeline([first, user, later]).execute({"wanted": True}, ctx)

    assert steps(sink) == ["first skipped", "user skipped", "later started", "later succeeded"]


def test_types_must_be_compatible_in_the_right_direction() -> None:
    assert ActionPipeline([Download, convert]).plan

    wrong = problems(lambda: ActionPipeline([Download, train]))
    assert wrong == [("train", "input_type")]


def test_weights_beside_a_dataset_are_no_wrong_type() -> None:
    @action(input_type=YOLODataset)
    def evaluate(path: str, weights: str) -> None: ...

    data = Node(convert).inputs(path="/d", count=1)
    model = Node(train).inputs(path=data.path)

    assert ActionPipeline(
        [data, model, Node(evaluate).inputs(path=data.path, weights=model.weights)]
    )


def make_circle() -> ActionPipeline:
    one, two = Node(scale, "one"), Node(scale, "two")
    one.inputs(count=two["count"])
    two.inputs(count=one["count"])
    return ActionPipeline([one, two])


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (
            lambda: ActionPipeline([Node(train).inputs(pth="/d")]),
            [("train", "inputs.pth"), ("train", "inputs.path")],
        ),
        (
            lambda: ActionPipeline([Node(train).inputs(path=Node(scale).path)]),
            [("train", "inputs.path")],
        ),
        (lambda: ActionPipeline([Node(scale), Node(scale)]), [("scale", "name")]),
        (make_circle, [("one", "")]),
        (lambda: ActionPipeline([]), [("", "nodes")]),
        (lambda: ActionPipeline([Node(scale).inputs(count=item)]), [("scale", "inputs.count")]),
        (lambda: ActionPipeline([Node(scale).inputs(count={"a": 1})]), [("scale", "inputs.count")]),
        (lambda: ActionPipeline([Node(scale).inputs(count=1).when("maybe")]), [("scale", "when")]),
        (lambda: ActionPipeline([Node(scale)], output=Node(train).weights), [("", "output")]),
        (lambda: ActionPipeline([Node(scale)], max_parallel=0), [("", "max_parallel")]),
    ],
)  # fmt: skip
def test_what_cannot_run_is_refused_with_node_and_field(
    make: Callable[[], object], expected: list[tuple[str, str]]
) -> None:
    assert problems(make) == expected


OTHERS: list[tuple[Callable[[Node], Node], str | None]] = [
    (lambda s: Node(train).inputs(path=s.pth), "inputs.path"),
    (lambda s: Node(scale, "b").inputs(count=s.path), None),  # text may be a number
    (lambda s: Node(train).inputs(path=s["count"]), "inputs.path"),
    (lambda s: Node(scale, "b").map(over=s["count"]).inputs(count=item), "map"),
    (lambda s: Node(scale, "b").inputs(count=1).when(s.nothing > 1), "when"),
]


@pytest.mark.parametrize(("make", "field"), OTHERS)
def test_values_of_other_nodes_must_be_there_and_fit(
    make: Callable[[Node], Node], field: str | None
) -> None:
    source = Node(scale).inputs(count=1)
    node = make(source)

    if field is None:
        assert ActionPipeline([source, node])
        return
    assert [found for _, found in problems(lambda: ActionPipeline([source, node]))] == [field]


@pytest.mark.parametrize("policy", ["fail_fast", "continue"])
def test_a_failed_node_is_named_with_the_results_of_the_others(
    ctx: RuntimeContext, sink: MemorySink, policy: str
) -> None:
    bad = Node(fail, "bad").inputs(message="no disk")
    after = Node(scale, "after").inputs(count=1).after(bad)
    other = Node(scale, "other").inputs(count=2)
    pipeline = ActionPipeline([bad, after, other], on_failure=policy)

    with pytest.raises(PipelineError, match="bad failed: ValueError: no disk") as caught:
        pipeline.execute({}, ctx)

    results: Any = caught.value.data["results"]
    assert isinstance(caught.value.__cause__, ValueError)
    assert pickle.loads(pickle.dumps(caught.value)).data == caught.value.data  # noqa: S301 - we wrote it
    assert list(results) == (["other"] if policy == "continue" else [])
    assert "after skipped" in steps(sink)


def test_finished_nodes_are_undone_in_reverse_order(ctx: RuntimeContext, sink: MemorySink) -> None:
    undone: list[str] = []

    @action
    def make(name: str) -> dict[str, str]:
        return {"made": name.upper()}

    @action
    def remove(name: str, made: str) -> None:
        undone.append(f"{name} {made}")

    one = Node(make, "one").inputs(name="a").options(undo=remove)
    two = Node(make, "two").inputs(name="b").options(undo=remove).after(one)
    bad = Node(fail).inputs().after(two)

    with pytest.raises(PipelineError):
        ActionPipeline([one, two, bad]).execute({}, ctx)
    assert undone == ["b B", "a A"]
    assert steps(sink)[-2:] == ["two rolled_back", "one rolled_back"]


def test_a_failed_attempt_is_repeated_by_the_policy_of_the_node(ctx: RuntimeContext) -> None:
    tries: list[int] = []

    @action
    def flaky() -> int:
        tries.append(1)
        if len(tries) < 3:
            raise OSError("again")
        return len(tries)

    node = Node(flaky).options(retries=RetryPolicy(2, backoff_s=0.001))

    assert ActionPipeline([node]).execute({}, ctx) == 3


def test_actions_share_folders_and_report_under_the_name_of_their_node(
    ctx: RuntimeContext, sink: MemorySink
) -> None:
    @action
    def write(context: RuntimeContext) -> None:
        assert context.pipeline is not None
        (context.pipeline.datasets_dir / "a.txt").write_text("data", encoding="utf-8")
        context.set_progress(1, 2)
        context.set_metrics({"loss": 0.5}, "train")
        context.save_artifact(b"x", "x.bin")

    @action
    def read(context: RuntimeContext) -> str:
        assert context.pipeline is not None
        return (context.pipeline.datasets_dir / "a.txt").read_text(encoding="utf-8")

    assert ActionPipeline([write, read]).execute({}, ctx) == "data"
    told = {event.kind: event.data for event in sink.events if event.data.get("node") == "write"}
    assert told[EventKind.PROGRESS]["category"] == "write"
    assert told[EventKind.METRICS]["category"] == "write/train"
    saved = Path(str(told[EventKind.ARTIFACT]["path"]))
    assert (ctx.work_dir.parent / saved).read_bytes() == b"x"


def test_a_cancelled_pipeline_begins_nothing_more(sink: MemorySink, tmp_path: Path) -> None:
    token = CancelToken()

    @action
    def stop() -> None:
        token.set()

    ctx = make_context(sink, tmp_path, token=token)
    with pytest.raises(RunCancelledError):
        ActionPipeline([stop, scale]).execute({"count": 1}, ctx)
    assert steps(sink) == ["stop started", "stop succeeded", "scale started"]


@pytest.mark.parametrize("wrong", ["words", 3, DownloadParams])
def test_what_is_no_action_is_refused(wrong: Action) -> None:
    with pytest.raises(Exception, match=r"is no action|names an action|of plugins"):
        ActionPipeline([Node(wrong)]).plan  # noqa: B018 - asking for it is the point

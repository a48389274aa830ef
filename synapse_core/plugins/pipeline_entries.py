"""What a `config.yaml` may say of pipelines."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, cast

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue

from synapse_core.model.graph_faults import find_faults
from synapse_core.model.pipeline import FailurePolicy, find_cycle
from synapse_core.plugins.fields import FieldFault, Line, Seconds, Text, shown
from synapse_core.plugins.manifest_parts import Entry, ResourcesEntry, Retries
from synapse_core.plugins.names import explain_bad_name
from synapse_core.types import JSONObject, JSONValue

__all__ = ["NodeEntry", "PipelineEntry", "PipelineFault", "find_pipeline_faults"]


def _check_action(text: str) -> str:
    plugin, _, action = text.rpartition("/")
    if explain_bad_name(action) or (plugin and explain_bad_name(plugin)):
        raise FieldFault(
            f"is {shown(text)}, which names no action",
            "Write `plugin/action`, or `action` for one of this plugin.",
        )
    return text


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


ActionName = Annotated[str, AfterValidator(_check_action)]
"""`plugin/action`, or `action` for one of the same plugin."""


class NodeEntry(Entry):
    """One action in a graph; the key above it is its name."""

    action: ActionName = Field(
        description="`plugin/action`, or `action` for one of this plugin; a pipeline, too.",
        examples=["converters/to_yolo"],
    )
    inputs: dict[str, JsonValue] | None = Field(
        default=None,
        description="Its params; `${node.field}` and `${params.name}` stand for values. Without "
        "it, it gets the params of the pipeline and the results on the way to it.",
        examples=[{"path": "${convert.path}"}],
    )
    after: Annotated[list[Line], BeforeValidator(_listed)] = Field(
        default=[], description="Nodes that must have ended before.", examples=[["convert"]]
    )
    when: Annotated[list[Line], BeforeValidator(_listed)] = Field(
        default=[],
        description="It runs if all of these hold; else it is skipped.",
        examples=["${convert.count} > 0"],
    )
    map: JsonValue = Field(
        default=None,
        description="A list; the node is executed for each `${item}` of it.",
        examples=["${split.parts}"],
    )
    max_parallel: int = Field(
        default=4, ge=1, le=10_000, strict=True, description="How many of these run at once."
    )
    resources: ResourcesEntry | None = Field(
        default=None, description="What one execution may use; else as the action says."
    )
    timeout: Seconds | None = Field(
        default=None, description="What one attempt may take; else as the action says."
    )
    retries: Retries | None = Field(
        default=None, description="Attempts after the first one; else as the action says."
    )
    cache: bool = Field(
        default=False, description="Whether an earlier result of same code and inputs will do."
    )
    undo: ActionName | None = Field(
        default=None, description="Action that undoes this one when the pipeline fails later."
    )


class PipelineEntry(Entry):
    """One pipeline; the key above it is its name."""

    description: Text = Field(default="", description="What it does, in a sentence.")
    params: dict[str, JsonValue] = Field(
        default={}, description="Params that need not be given.", examples=[{"epochs": 3}]
    )
    chain: list[ActionName] = Field(
        default=[],
        description="Actions one after the other; each gets the fields of all results before it.",
        examples=[["download", "converters/to_yolo", "train"]],
    )
    nodes: dict[str, NodeEntry] = Field(
        default={}, description="Instead of a chain: a graph, by name of the node."
    )
    output: JsonValue = Field(
        default=None,
        description="What the result is made of; else the results that no other node needs.",
        examples=["${train.weights}"],
    )
    on_failure: FailurePolicy = Field(
        default=FailurePolicy.FAIL_FAST,
        description="What becomes of the other nodes when one fails.",
    )
    max_parallel: int = Field(
        default=4, ge=1, le=10_000, strict=True, description="How many actions run at once."
    )
    timeout: Seconds | None = Field(default=None, description="What the whole may take.")


@dataclass(frozen=True, slots=True)
class PipelineFault:
    """What is wrong with the graph of a pipeline.

    Attributes:
        path: Keys below `pipelines` that lead to it.
        message: What is wrong.
        fix: What to do.
    """

    path: tuple[str | int, ...]
    message: str
    fix: str


@dataclass(frozen=True, slots=True)
class _Outline:
    name: str
    inputs: JSONObject | None
    after: tuple[str, ...]
    when: tuple[str, ...]
    over: JSONValue


def find_pipeline_faults(
    pipelines: Mapping[str, PipelineEntry], actions: Mapping[str, object]
) -> Iterator[PipelineFault]:
    """Yield what is wrong with pipelines whose values are right one by one.

    Args:
        pipelines: By name.
        actions: Actions that the manifest declares.
    """
    for name, entry in pipelines.items():
        if name in actions:
            fix = "Rename one of them: both are started by their name."
            yield PipelineFault((name,), f"An action is called {name!r}, too.", fix)
        if bool(entry.chain) == bool(entry.nodes):
            what = "both `chain` and `nodes`" if entry.chain else "neither `chain` nor `nodes`"
            fix = "Give one of them: a list of actions, or nodes by name."
            yield PipelineFault((name,), f"The pipeline has {what}.", fix)
        elif entry.nodes:
            for problem in find_faults(_outlines(entry), cast("JSONValue", entry.output)):
                place = ("nodes", problem.node, *_steps(problem.field)) if problem.node else ()
                path = (name, *place) if place else (name, problem.field)
                yield PipelineFault(path, problem.message, problem.fix)
    yield from _find_circles(pipelines)


def _find_circles(pipelines: Mapping[str, PipelineEntry]) -> Iterator[PipelineFault]:
    """Yield pipelines of this plugin that would run themselves."""
    within = {
        name: [one for one in _named(entry) if one in pipelines]
        for name, entry in pipelines.items()
    }
    circle = find_cycle(within)
    if circle:
        told = " runs ".join(circle)
        fix = "Take one of them out of the other."
        yield PipelineFault((circle[0],), f"The pipeline would run itself: {told}.", fix)


def _named(entry: PipelineEntry) -> list[str]:
    """Return the actions and pipelines that a pipeline executes."""
    return [*entry.chain, *(node.action for node in entry.nodes.values())]


def _outlines(entry: PipelineEntry) -> list[_Outline]:
    return [
        _Outline(
            name,
            cast("JSONObject | None", node.inputs),
            tuple(node.after),
            tuple(node.when),
            cast("JSONValue", node.map),
        )
        for name, node in entry.nodes.items()
    ]


def _steps(field: str) -> tuple[str, ...]:
    """Return the keys that lead to a field; a param may have dots in its own name."""
    first, _, rest = field.partition(".")
    return tuple(step for step in (first, rest) if step and step != "name")

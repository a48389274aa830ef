"""The parts of a pipeline as they are written in Python."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol, Self, cast

from synapse_core.actions.definition import Action, definition_of, is_action
from synapse_core.actions.results import result_to_json
from synapse_core.errors import PipelineDefinitionError
from synapse_core.model.pipeline import explain_bad_node_name
from synapse_core.model.references import INDEX, ITEM, PARAMS, Reference, escape
from synapse_core.model.run import Resources, RetryPolicy
from synapse_core.pipelines.drafts import Executable, NodeDraft, PipelineDraft
from synapse_core.types import JSONValue

__all__ = [
    "Comparison",
    "Described",
    "Node",
    "Value",
    "draft_of",
    "executable_of",
    "index",
    "item",
    "name_of",
    "params",
    "template_of",
]


_MARK = "\ufdd0"
"""Around a value within other text: a character that means nothing, and stands in no text."""

_MARKED = re.compile(f"{_MARK}([^{_MARK}]*){_MARK}")


class Described(Protocol):
    """A pipeline written in Python."""

    @property
    def draft(self) -> PipelineDraft:
        """How it was described."""
        ...


class Comparison:
    """A condition that `Node.when` takes; made by comparing a value, `convert.count > 0`."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __invert__(self) -> "Comparison":
        return Comparison(
            self.text.removeprefix("not ") if self._is_negated else f"not {self.text}"
        )

    def __bool__(self) -> bool:
        raise PipelineDefinitionError(
            f"{self.text!r} is not known before the pipeline runs.",
            hint="Give it to `when`; two conditions are two arguments, not joined by `and`.",
        )

    @property
    def _is_negated(self) -> bool:
        return self.text.startswith("not ")


class Value:
    """A value that is known only when the pipeline runs; its fields are such values too."""

    __slots__ = ("_reference",)

    def __init__(self, reference: Reference) -> None:
        self._reference = reference

    def __getattr__(self, name: str) -> "Value":
        if name.startswith("__"):  # what Python itself asks for
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, step: str | int) -> "Value":
        return Value(Reference(self._reference.root, (*self._reference.path, step)))

    def __iter__(self) -> Any:  # noqa: ANN401 - never returns
        raise PipelineDefinitionError(
            f"{self!s} is not known before the pipeline runs.",
            hint="Use `Node.map(over=…)` to execute a node for each of its items.",
        )

    def __str__(self) -> str:
        return str(self._reference)

    def __format__(self, form: str) -> str:
        return _marked(self, form)

    __repr__ = __str__
    __hash__ = object.__hash__

    def __eq__(self, other: object) -> Any:  # noqa: ANN401 - a condition instead of a truth
        return self._compare("==", other)

    def __ne__(self, other: object) -> Any:  # noqa: ANN401 - a condition instead of a truth
        return self._compare("!=", other)

    def __lt__(self, other: object) -> Comparison:
        return self._compare("<", other)

    def __le__(self, other: object) -> Comparison:
        return self._compare("<=", other)

    def __gt__(self, other: object) -> Comparison:
        return self._compare(">", other)

    def __ge__(self, other: object) -> Comparison:
        return self._compare(">=", other)

    def __invert__(self) -> Comparison:
        return Comparison(f"not {self!s}")

    def _compare(self, how: str, other: object) -> Comparison:
        return Comparison(f"{self!s} {how} {_operand_text(other)}")


params = Value(Reference(PARAMS))
"""The params of the pipeline: `params.epochs`."""

item = Value(Reference(ITEM))
"""What a node is executed for that `map` repeats."""

index = Value(Reference(INDEX))
"""Its position in the list, from 0."""


class Node:
    """An action in a graph. Its attributes are the fields of what it will return.

    A field with the name of a method of this class is reached by `node["inputs"]`.

    Args:
        action: A `BaseAction` subclass, a function decorated with `@action`, another pipeline, or
            `plugin/name` of an action or pipeline.
        name: Unique in the pipeline; None for the name of the action.
    """

    def __init__(self, action: "Action | str | Described", name: str | None = None) -> None:
        executed = executable_of(action)
        draft = NodeDraft(name=name or name_of(executed), action=executed)
        self.__synapse_node__ = draft  # a name that no field of a result has
        reason = explain_bad_node_name(draft.name)
        if reason:
            raise PipelineDefinitionError(
                f"No node can be called {draft.name!r}: {reason}.",
                hint="Give it another one with `name=`.",
                node=draft.name,
            )

    def inputs(self, **values: object) -> Self:
        """Say what the action is given: values, or values of other nodes.

        A node with inputs is given nothing else.
        """
        draft = self.__synapse_node__
        bound = {key: template_of(value) for key, value in values.items()}
        self.__synapse_node__ = replace(draft, inputs={**(draft.inputs or {}), **bound})
        return self

    def after(self, *nodes: "Node") -> Self:
        """Let it begin when these have ended, without taking anything from them."""
        draft = self.__synapse_node__
        names = tuple(node.__synapse_node__.name for node in nodes)
        self.__synapse_node__ = replace(draft, after=draft.after + names)
        return self

    def when(self, *conditions: "Comparison | Value | str") -> Self:
        """Let it run only if all of these hold; else it is skipped."""
        draft = self.__synapse_node__
        texts = (
            one.text if isinstance(one, Comparison) else _MARKED.sub(r"\1", str(one))
            for one in conditions
        )
        self.__synapse_node__ = replace(draft, when=(*draft.when, *texts))
        return self

    def map(self, over: "Value | Sequence[object]", max_parallel: int = 4) -> Self:
        """Execute it for each item of a list; its result is the list of their results, in order.

        Args:
            over: The list. `item` and `index` stand for what one execution is for.
            max_parallel: How many are executed at once.
        """
        draft = self.__synapse_node__
        self.__synapse_node__ = replace(draft, over=template_of(over), limit=max_parallel)
        return self

    def options(
        self,
        *,
        timeout_s: float | None = None,
        retries: int | RetryPolicy | None = None,
        resources: Resources | None = None,
        cache: bool | None = None,
        undo: Action | str | None = None,
    ) -> Self:
        """Say how it is executed; what is not given stays as the action says.

        Args:
            timeout_s: Seconds an attempt may take, where an executor runs it.
            retries: Attempts after the first, or the whole policy.
            resources: What one execution may use, where an executor runs it.
            cache: Whether an earlier result of the same code and inputs will do, where an executor
                runs it.
            undo: Action that undoes this one when the pipeline fails later. It is given the params
                and the fields of the result that it takes.
        """
        given: dict[str, Any] = {
            "timeout_s": timeout_s,
            "retry": RetryPolicy(retries) if isinstance(retries, int) else retries,
            "resources": resources,
            "cache": cache,
            "undo": undo,
        }
        told = {key: value for key, value in given.items() if value is not None}
        self.__synapse_node__ = replace(self.__synapse_node__, **told)
        return self

    def __getattr__(self, name: str) -> Value:
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, step: str | int) -> Value:
        return Value(Reference(self.__synapse_node__.name, (step,)))

    def __format__(self, form: str) -> str:
        return _marked(Value(Reference(self.__synapse_node__.name)), form)

    def __repr__(self) -> str:
        return f"Node({self.__synapse_node__.name!r})"


def draft_of(node: Node) -> NodeDraft:
    """Return the node as it was described; not a method, as its fields are those of a result."""
    return node.__synapse_node__


def template_of(value: object) -> JSONValue:
    """Return a value of Python as the plan has it: references as text, other text escaped.

    Raises:
        ResultError: A part of it is nothing that JSON can say.
    """
    if isinstance(value, Value):
        return str(value)
    if isinstance(value, Node):
        return str(Reference(draft_of(value).name))
    if isinstance(value, dict):
        pairs = cast("dict[object, object]", value)
        return {str(key): template_of(one) for key, one in pairs.items()}
    if isinstance(value, list | tuple):
        return [template_of(one) for one in cast("Sequence[object]", value)]
    return _escaped(result_to_json(value))


def _escaped(value: JSONValue) -> JSONValue:
    match value:
        case str():
            parts = _MARKED.split(value)  # text and references, in turns
            return "".join(
                part if number % 2 else escape(part) for number, part in enumerate(parts)
            )
        case dict():
            return {key: _escaped(one) for key, one in value.items()}
        case list():
            return [_escaped(one) for one in value]
        case _:
            return value


def _marked(value: Value, form: str) -> str:
    """Return a value such that it is found again in the text that it is put into."""
    if form:
        raise PipelineDefinitionError(
            f"{value!s} is not known before the pipeline runs: {form!r} cannot be done to it.",
            hint="Put it into the text as it is, or have an action write it.",
        )
    return f"{_MARK}{value!s}{_MARK}"


def _operand_text(value: object) -> str:
    return str(value) if isinstance(value, Value) else json.dumps(value)


def executable_of(action: "Action | str | Described") -> Executable:
    """Return what a node executes, as a draft has it."""
    draft = getattr(action, "draft", None)
    return draft if isinstance(draft, PipelineDraft) else cast("Action | str", action)


def name_of(action: Executable) -> str:
    """Return what a node goes by that was given no name of its own.

    Raises:
        PipelineDefinitionError: It is nothing that a node can execute.
    """
    if isinstance(action, str):
        return action.rpartition("/")[2]
    if isinstance(action, PipelineDraft):
        return action.name
    if not is_action(action):
        raise PipelineDefinitionError(
            f"{action!r} is no action.",
            hint="Give a BaseAction subclass, a function decorated with @action, a pipeline, or "
            "the text `plugin/action`.",
        )
    return definition_of(action).name

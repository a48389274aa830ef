"""Finds what is wrong with the shape of a graph, before any of its actions is looked at."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from synapse_core.errors import nearest
from synapse_core.model.conditions import parse_condition
from synapse_core.model.pipeline import explain_bad_node_name, find_cycle
from synapse_core.model.references import INDEX, ITEM, PARAMS, Reference, find_references
from synapse_core.types import JSONObject, JSONValue

__all__ = ["Outline", "Problem", "find_faults", "needs_of"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that keeps a pipeline from being executed.

    Attributes:
        node: The node; empty for the pipeline as a whole.
        field: What of it; may be empty.
        message: What is wrong, with its value.
        fix: What to do.
    """

    node: str
    field: str
    message: str
    fix: str

    def __str__(self) -> str:
        named = f"node {self.node}" if self.node else ""
        place = ", ".join(part for part in (named, self.field) if part)
        return f"{place}: {self.message}" if place else self.message


class Outline(Protocol):
    """What of a node makes the shape of its graph."""

    @property
    def name(self) -> str:
        """What it goes by."""
        ...

    @property
    def inputs(self) -> JSONObject | None:
        """Template of its params."""
        ...

    @property
    def after(self) -> tuple[str, ...]:
        """Nodes that must have ended before."""
        ...

    @property
    def when(self) -> tuple[str, ...]:
        """Conditions."""
        ...

    @property
    def over(self) -> JSONValue:
        """Template of the list it is repeated for."""
        ...


def find_faults(nodes: Sequence[Outline], output: JSONValue) -> list[Problem]:
    """Return what is wrong with names, references and order.

    Args:
        nodes: In any order.
        output: Template of the result of the whole.
    """
    if not nodes:
        return [Problem("", "nodes", "There is no node.", "Add one.")]
    problems = list(_find_bad_names(nodes))
    known = {node.name: node for node in nodes}
    needs: dict[str, list[str]] = {}
    for node in nodes:
        uses = _Uses(node, problems)
        problems += uses.find_unknown(known)
        needs[node.name] = [name for name in uses.needs if name in known]
    problems += _find_bad_output(output, known)
    problems += _find_circles(needs)
    return problems


def needs_of(node: Outline) -> tuple[str, ...]:
    """Return the nodes that must have ended before this one begins.

    Raises:
        ValueError: A reference or a condition cannot be read.
    """
    return _Uses(node, None).needs


class _Uses:
    """What a node refers to."""

    def __init__(self, node: Outline, problems: list[Problem] | None) -> None:
        self._node = node
        self.references: list[tuple[str, Reference]] = []
        for field, template in _templates(node):
            try:
                self.references += [(field, one) for one in find_references(template)]
            except ValueError as error:
                _note(problems, Problem(node.name, field, f"{error}.", _REFERENCE_FIX), error)
        for text in node.when:
            try:
                asked = parse_condition(text).references()
                self.references += [("when", one) for one in asked]
            except ValueError as error:
                problem = Problem(node.name, "when", f"{error}.", "Compare two values.")
                _note(problems, problem, error)

    @property
    def needs(self) -> tuple[str, ...]:
        roots = [one.root for _, one in self.references if one.root not in {PARAMS, ITEM, INDEX}]
        return tuple(dict.fromkeys([*self._node.after, *roots]))

    def find_unknown(self, known: Mapping[str, object]) -> Iterator[Problem]:
        """Yield what it refers to that is not there."""
        name = self._node.name
        for other in self._node.after:
            if other not in known:
                yield _unknown(name, "after", other, known)
        for field, one in self.references:
            if one.root in {ITEM, INDEX}:
                if self._node.over is None or field in {"map", "when"}:
                    message = f"{one} has no meaning here: the node is not repeated."
                    yield Problem(name, field, message, "Say with `map` for which list it is.")
            elif one.root != PARAMS and one.root not in known:
                yield _unknown(name, field, one.root, known)


_REFERENCE_FIX = "Write `${node.field}` or `${params.name}`; a plain `${` is written `$${`."


def _note(problems: list[Problem] | None, problem: Problem, error: ValueError) -> None:
    if problems is None:
        raise error
    problems.append(problem)


def _templates(node: Outline) -> Iterator[tuple[str, JSONValue]]:
    for key, template in (node.inputs or {}).items():
        yield f"inputs.{key}", template
    yield "map", node.over


def _unknown(node: str, field: str, name: str, known: Mapping[str, object]) -> Problem:
    listed = f"Nodes: {', '.join(known)}."
    return Problem(
        node, field, f"There is no node {name!r}.", f"{nearest(name, known)} {listed}".strip()
    )


def _find_bad_names(nodes: Sequence[Outline]) -> Iterator[Problem]:
    seen: set[str] = set()
    for node in nodes:
        reason = explain_bad_node_name(node.name)
        if reason:
            yield Problem(node.name, "name", f"No node can be called so: {reason}.", "Rename it.")
        elif node.name in seen:
            yield Problem(node.name, "name", "Two nodes have this name.", "Rename one of them.")
        seen.add(node.name)


def _find_bad_output(output: JSONValue, known: Mapping[str, object]) -> Iterator[Problem]:
    try:
        for one in find_references(output):
            if one.root != PARAMS and one.root not in known:
                yield _unknown("", "output", one.root, known)
    except ValueError as error:
        yield Problem("", "output", f"{error}.", _REFERENCE_FIX)


def _find_circles(needs: Mapping[str, Sequence[str]]) -> Iterator[Problem]:
    circle = find_cycle(needs)
    if circle:
        listed = " needs ".join(circle)
        yield Problem(
            circle[0], "", f"The nodes wait for one another: {listed}.", "Remove one of these ties."
        )

"""Conditions under which a node runs: `${convert.count} > 0`, `not ${params.dry}`."""

import json
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from synapse_core.model.references import Reference, find_references, render
from synapse_core.types import JSONValue

__all__ = ["Condition", "parse_condition"]

_OPERATORS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "in": lambda one, many: one in many,
    "not in": lambda one, many: one not in many,
}
_OPERAND = r"\$\{[^}]*\}|\"(?:[^\"\\]|\\.)*\"|'[^']*'|\[[^\]]*\]|[^\s=!<>\"'\[\]]+"
_FORM = re.compile(
    rf"\s*(?P<no>not\s+)?(?P<left>{_OPERAND})\s*"
    rf"(?:(?P<how>==|!=|<=|>=|<|>|not\s+in\b|in\b)\s*(?P<right>{_OPERAND}))?\s*"
)


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison of two values, or the truth of one.

    Attributes:
        text: As it was written.
        left: Template of the first value.
        how: The operator; empty for the truth of `left`.
        right: Template of the second value.
        is_negated: Whether the opposite is meant.
    """

    text: str
    left: JSONValue
    how: str = ""
    right: JSONValue = None
    is_negated: bool = False

    def references(self) -> tuple[Reference, ...]:
        """Return what it asks for."""
        return (*find_references(self.left), *find_references(self.right))

    def holds(self, resolve: Callable[[Reference], JSONValue]) -> bool:
        """Tell whether it is so.

        Raises:
            TypeError: The two values cannot be compared.
        """
        left = render(self.left, resolve)
        if not self.how:
            return bool(left) is not self.is_negated
        right = render(self.right, resolve)
        try:
            return bool(_OPERATORS[self.how](left, right)) is not self.is_negated
        except TypeError:
            raise TypeError(
                f"{self.text!r} compares {json.dumps(left)[:40]} with {json.dumps(right)[:40]}"
            ) from None


@lru_cache(maxsize=4096)
def parse_condition(text: str) -> Condition:
    """Read a condition.

    Raises:
        ValueError: It is none; says what one looks like.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(
            f"{text!r} is no condition such as `${{node.count}} > 0` or `not ${{params.dry}}`"
        )
    how = " ".join((found["how"] or "").split())
    right = _operand(found["right"]) if found["right"] is not None else None
    condition = Condition(text, _operand(found["left"]), how, right, found["no"] is not None)
    if not condition.references():
        raise ValueError(f"{text!r} asks for no value: it is always the same")
    return condition


def _operand(text: str) -> JSONValue:
    """Return a reference as it is, else what JSON, Python or YAML would read."""
    if text.startswith("${"):
        tuple(find_references(text))  # refused here, where its place is known
        return text
    if text.startswith("'"):
        return text[1:-1]
    words: dict[str, JSONValue] = {"True": True, "False": False, "None": None}
    if text in words:
        return words[text]
    try:
        value: JSONValue = json.loads(text)
    except ValueError:
        return text
    return value

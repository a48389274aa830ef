"""Words that stand for values known later: `${convert.path}` in the inputs of a node.

Inputs are JSON in which any text may hold references. Text that is nothing but one reference stands
for the value itself, whatever it is; a reference among other words stands for its text. `$${` is a
plain `${`.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from synapse_core.types import JSONValue

__all__ = [
    "INDEX",
    "ITEM",
    "PARAMS",
    "Reference",
    "direct_param",
    "escape",
    "find_references",
    "follow",
    "parse_text",
    "render",
]

PARAMS, ITEM, INDEX = "params", "item", "index"
"""Roots that are no nodes: the params of the pipeline, and what a node is repeated for."""

_REFERENCE = re.compile(
    r"\$\{\s*(?P<root>[A-Za-z_][A-Za-z0-9_-]*)(?P<path>(?:\.[A-Za-z0-9_-]+|\[\d+\])*)\s*\}"
)
_STEP = re.compile(r"\.([A-Za-z0-9_-]+)|\[(\d+)\]")
_OPENING = re.compile(r"\$\$\{|\$\{")


@dataclass(frozen=True, slots=True)
class Reference:
    """A value by the place it will come from.

    Attributes:
        root: A node, or one of `params`, `item` and `index`.
        path: Fields and positions below it.
    """

    root: str
    path: tuple[str | int, ...] = ()

    def __str__(self) -> str:
        steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path)
        return f"${{{self.root}{''.join(steps)}}}"


@lru_cache(maxsize=4096)
def parse_text(text: str) -> tuple[str | Reference, ...]:
    """Return the parts of a text: plain words and references.

    Raises:
        ValueError: A `${` begins no reference.
    """
    parts: list[str | Reference] = []
    plain = ""
    position = 0
    while (opening := _OPENING.search(text, position)) is not None:
        plain += text[position : opening.start()]
        if opening[0] == "$${":
            plain += "${"
            position = opening.end()
            continue
        found = _REFERENCE.match(text, opening.start())
        if found is None:
            shown = text[opening.start() : opening.start() + 40]
            raise ValueError(f"{shown!r} is no reference such as ${{node.field}}")
        if plain:
            parts.append(plain)
            plain = ""
        parts.append(Reference(found["root"], _path(found["path"])))
        position = found.end()
    plain += text[position:]
    return (*parts, plain) if plain or not parts else tuple(parts)


def escape(text: str) -> str:
    """Return the text so that it stands for itself."""
    return text.replace("${", "$${")


def find_references(template: JSONValue) -> Iterator[Reference]:
    """Yield the references in a template, in order.

    Raises:
        ValueError: A `${` begins no reference.
    """
    match template:
        case str():
            yield from (part for part in parse_text(template) if isinstance(part, Reference))
        case dict():
            for value in template.values():
                yield from find_references(value)
        case list():
            for value in template:
                yield from find_references(value)
        case _:
            pass


def direct_param(template: JSONValue) -> str | None:
    """Return the param of the pipeline that a template is nothing else than; None for others."""
    parts = parse_text(template) if isinstance(template, str) else ()
    match parts:
        case (Reference(root="params", path=(str(name),)),):
            return name
        case _:
            return None


def render(template: JSONValue, resolve: Callable[[Reference], JSONValue]) -> JSONValue:
    """Return the template with the values that its references stand for."""
    match template:
        case str():
            parts = parse_text(template)
            if len(parts) == 1:
                only = parts[0]
                return resolve(only) if isinstance(only, Reference) else only
            return "".join(
                _as_text(resolve(part)) if isinstance(part, Reference) else part for part in parts
            )
        case dict():
            return {key: render(value, resolve) for key, value in template.items()}
        case list():
            return [render(value, resolve) for value in template]
        case _:
            return template


def follow(value: JSONValue, reference: Reference) -> JSONValue:
    """Return what a reference's path leads to, beginning at the value of its root.

    Raises:
        LookupError: A field or position on the way is not there; says which.
    """
    for step in reference.path:
        match value, step:
            case dict(), str() if step in value:
                value = value[step]
            case list(), int() if step < len(value):
                value = value[step]
            case list(), str() if step.isdigit() and int(step) < len(value):
                value = value[int(step)]
            case _:
                raise LookupError(f"{reference} leads nowhere: there is no {step!r}{_among(value)}")
    return value


def _among(value: JSONValue) -> str:
    match value:
        case dict():
            return f" among {', '.join(value) or 'no fields at all'}"
        case list():
            return f" in a list of {len(value)}"
        case _:
            return f" in {json.dumps(value)[:40]}"


def _as_text(value: JSONValue) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _path(text: str) -> tuple[str | int, ...]:
    return tuple(field or int(position) for field, position in _STEP.findall(text))

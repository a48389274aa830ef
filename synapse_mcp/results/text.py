"""Structured content as compact text.

Some clients show a model only the structured content, others only the text, so the text must say
everything the structure says. It is written for reading, not for parsing: `key: value` lines,
one line per row, free JSON as JSON, and text that came from somebody's program behind a bar.
"""

import json
from collections.abc import Set as AbstractSet

from synapse_core.types import JSONObject, JSONValue

__all__ = ["compact_json", "render_text"]

_WIDTH = 100
"""Lists of scalars that fit in so many characters stay on one line."""


def render_text(
    content: JSONObject,
    *,
    quoted: AbstractSet[str] = frozenset(),
    as_json: AbstractSet[str] = frozenset(),
) -> str:
    """Return `content` as text that says the same.

    Args:
        content: Structured content of a result.
        quoted: Top-level keys whose text comes from a user's program: each line gets a bar, so
            that it cannot pass for a word of the server.
        as_json: Top-level keys that hold free JSON, shown as such.
    """
    lines: list[str] = []
    for key, value in content.items():
        if key in as_json:
            lines.append(f"{key}: {compact_json(value)}")
        elif key in quoted:
            lines += _quote(key, value)
        else:
            lines += _field(key, value)
    return "\n".join(lines)


def compact_json(value: JSONValue) -> str:
    """Return the value as JSON without needless spaces, in readable characters."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _field(key: str, value: JSONValue) -> list[str]:
    match value:
        case list():
            return _list(key, value)
        case dict():
            return [f"{key}: {_pairs(value) if value else 'none'}"]
        case str() if "\n" in value:
            return [f"{key}:", *_indented(value)]
        case _:
            return [f"{key}: {_scalar(value)}"]


def _list(key: str, items: list[JSONValue]) -> list[str]:
    if not items:
        return [f"{key}: none"]
    if all(isinstance(item, dict) for item in items):
        return [f"{key}:", *(line for item in items for line in _row(item))]
    texts = [_scalar(item) for item in items]
    one_line = f"{key}: {', '.join(texts)}"
    if len(one_line) <= _WIDTH and not any(mark in text for text in texts for mark in "\n,"):
        return [one_line]
    return [f"{key}:", *(f"- {line}" for text in texts for line in text.splitlines() or [""])]


def _row(item: JSONValue) -> list[str]:
    """Return one line for an object, its texts of several lines indented below."""
    if not isinstance(item, dict):
        return [f"- {_scalar(item)}"]
    short = {k: v for k, v in item.items() if not (isinstance(v, str) and "\n" in v)}
    lines = [f"- {_pairs(short)}"]
    for key, value in item.items():
        if key not in short:
            lines += [f"  {key}:", *(f"  {line}" for line in _indented(str(value)))]
    return lines


def _pairs(value: dict[str, JSONValue]) -> str:
    return " | ".join(f"{key}: {_scalar(item)}" for key, item in value.items())


def _quote(key: str, value: JSONValue) -> list[str]:
    texts = value if isinstance(value, list) else [value]
    lines = [line for text in texts for line in str(text).split("\n")]
    return [f"{key}:", *(f"| {line}" for line in lines)] if texts else [f"{key}: none"]


def _indented(text: str) -> list[str]:
    return [f"  {line}" for line in text.split("\n")]


def _scalar(value: JSONValue) -> str:
    match value:
        case str():
            return value
        case list() if all(isinstance(item, str) for item in value):
            return ", ".join(str(item) for item in value)
        case _:
            return compact_json(value)

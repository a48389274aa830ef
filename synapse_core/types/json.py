"""What JSON can say."""

from typing import TypeAlias

__all__ = ["JSONObject", "JSONValue"]

JSONValue: TypeAlias = "dict[str, JSONValue] | list[JSONValue] | str | int | float | bool | None"
"""Anything that JSON can say; `float` values are finite."""

JSONObject: TypeAlias = dict[str, JSONValue]

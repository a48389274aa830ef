"""Changes single values in JSON text and leaves everything else as it stands.

Also reads what programs beside us accept as JSON: comments, a comma after the last member, a byte
order mark. Formatting, order and comments of the rest stay.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from synapse_core.errors import ConfigError
from synapse_core.types import JSONObject, JSONValue

__all__ = ["parse_json_object", "remove_json_value", "set_json_value"]

_STRING = r'"(?:[^"\\\n]|\\.)*"'
_COMMENT = re.compile(rf"({_STRING})|//[^\n]*|/\*.*?\*/", re.DOTALL)
_LAST_COMMA = re.compile(rf"({_STRING})|,(?=\s*[}}\]])")
_SPACE = re.compile(r"\s*")
_FIRST_INDENT = re.compile(r"\{[ \t]*\r?\n([ \t]+)\S")

_BYTE_ORDER_MARK = "\ufeff"


def parse_json_object(text: str, source: str) -> JSONObject:
    """Return what the text says; an empty text is an empty object.

    Raises:
        ConfigError: It is no JSON object; names line and column.
    """
    return _Document(text, source).value


def set_json_value(text: str, path: Sequence[str], value: JSONValue, *, source: str) -> str:
    """Return the text with the value at `path`; objects on the way are made.

    Raises:
        ConfigError: The text is no JSON object, or something on the way is none.
    """
    document = _Document(text, source)
    objects = document.walk(path[:-1])
    deepest = objects[-1]
    missing = path[len(objects) - 1 :]
    found = deepest.find(missing[0])
    if found is not None:
        indent = document.indent_at(found.key_start)
        new = document.dump(value, indent)
        return document.spliced(found.value_start, found.value_end, new)
    for key in reversed(missing[1:]):
        value = {key: value}
    return document.inserted(deepest, missing[0], value)


def remove_json_value(text: str, path: Sequence[str], *, source: str) -> str:
    """Return the text without the member at `path`; unchanged when there is none.

    Raises:
        ConfigError: The text is no JSON object, or something on the way is none.
    """
    document = _Document(text, source)
    objects = document.walk(path[:-1])
    if len(objects) < len(path) or objects[-1].find(path[-1]) is None:
        return text
    return document.without(objects[-1], path[-1])


@dataclass(frozen=True, slots=True)
class _Member:
    key: str
    key_start: int
    value_start: int
    value_end: int


@dataclass(frozen=True, slots=True)
class _Object:
    """An object in the text: the positions of its braces and of its members."""

    start: int
    end: int
    members: tuple[_Member, ...]

    def find(self, key: str) -> _Member | None:
        """Return the last member of this name: the one that readers take."""
        return next((member for member in reversed(self.members) if member.key == key), None)


class _Document:
    """JSON text with a plain twin of the same length, in which all positions are the same."""

    def __init__(self, text: str, source: str) -> None:
        self._source = source
        self._text = text
        self._newline = "\r\n" if "\r\n" in text else "\n"
        self._plain = _blank_all(text)
        self._decoder = json.JSONDecoder()
        if not self._plain.strip():
            self._text = f"{text}{{}}{self._newline}"
            self._plain = f"{self._plain}{{}}{self._newline}"
        self.value = self._parse()
        unit = _FIRST_INDENT.search(self._plain)
        self._unit = unit[1] if unit else "  "

    def walk(self, path: Sequence[str]) -> list[_Object]:
        """Return the objects along the path that are there, the top first."""
        objects = [self._object(self._skip(0))]
        value = self.value
        for depth, key in enumerate(path, 1):
            found = objects[-1].find(key)
            if found is None:
                break
            child = value[key]
            if not isinstance(child, dict):
                raise ConfigError(
                    f"{self._source}: {'.'.join(path[:depth])} is no object.",
                    hint="Correct it in an editor; nothing was changed.",
                    path=self._source,
                )
            value = child
            objects.append(self._object(found.value_start))
        return objects

    def indent_at(self, position: int) -> str:
        """Return the white space at the beginning of the line."""
        line = self._text[self._text.rfind("\n", 0, position) + 1 : position]
        return line[: len(line) - len(line.lstrip())]

    def dump(self, value: JSONValue, indent: str) -> str:
        """Return the value as JSON, its further lines indented by `indent`."""
        lines = json.dumps(value, indent=self._unit, ensure_ascii=False).splitlines()
        return f"{self._newline}{indent}".join(lines)

    def spliced(self, start: int, end: int, new: str) -> str:
        """Return the text with `new` in place of what stands from `start` to `end`."""
        return self._text[:start] + new + self._text[end:]

    def inserted(self, where: _Object, key: str, value: JSONValue) -> str:
        """Return the text with a new last member in the object."""
        closing = self.indent_at(where.start)
        indent = self.indent_at(where.members[-1].key_start) if where.members else ""
        if len(indent) <= len(closing):  # empty, or all on one line
            indent = closing + self._unit
        head, tail = self._text[: where.end], self._text[where.end :]
        body = head.rstrip()
        space = head[len(body) :]
        if where.members:
            last = where.members[-1].value_end
            comma = self._text.find(",", last, where.end) if self._has_last_comma(where) else -1
            if comma < 0:
                body = f"{body[:last]},{body[last:]}"
        member = f"{json.dumps(key, ensure_ascii=False)}: {self.dump(value, indent)}"
        if "\n" not in space:
            space = f"{self._newline}{closing}"
        return f"{body}{self._newline}{indent}{member}{space}{tail}"

    def without(self, where: _Object, key: str) -> str:
        """Return the text without the member, and without the comma that it needed."""
        found = where.find(key)
        index = where.members.index(found) if found is not None else 0
        member = where.members[index]
        start = self._line_start(member.key_start)
        after = self._skip(member.value_end)
        if self._plain[after] == ",":
            return self.spliced(start, after + 1, "")
        if index == 0:
            return self.spliced(start, self._comma_end(member, where), "")
        previous = where.members[index - 1].value_end
        comma = self._plain.index(",", previous)
        kept = self._text[comma + 1 : start]
        return self._text[:comma] + kept + self._text[self._comma_end(member, where) :]

    def _line_start(self, position: int) -> int:
        """Return where the line begins, if only white space stands before the position."""
        before = self._text[:position].rstrip(" \t")
        return (
            len(before.removesuffix("\n").removesuffix("\r")) if before[-1:] == "\n" else position
        )

    def _has_last_comma(self, where: _Object) -> bool:
        return self._comma_end(where.members[-1], where) > where.members[-1].value_end

    def _comma_end(self, member: _Member, where: _Object) -> int:
        """Return the position after the comma that follows the last member, if it has one."""
        rest = _COMMENT.sub(_spaces, self._text[member.value_end : where.end])
        comma = rest.find(",")
        return member.value_end + comma + 1

    def _parse(self) -> JSONObject:
        try:
            value: JSONValue = json.loads(self._plain)
        except json.JSONDecodeError as error:
            raise ConfigError(
                f"{self._source}, line {error.lineno}, column {error.colno}, is no JSON: "
                f"{error.msg[:1].lower()}{error.msg[1:]}.",
                hint="Correct it there; nothing was changed.",
                path=self._source,
                line=error.lineno,
                column=error.colno,
            ) from error
        except RecursionError as error:
            raise ConfigError(
                f"{self._source} nests too deep to be a configuration.",
                hint="Correct it in an editor; nothing was changed.",
                path=self._source,
            ) from error
        if not isinstance(value, dict):
            raise ConfigError(
                f"{self._source} holds no JSON object.",
                hint="Correct it in an editor; nothing was changed.",
                path=self._source,
            )
        return value

    def _object(self, start: int) -> _Object:
        members: list[_Member] = []
        position = self._skip(start + 1)
        while self._plain[position] != "}":
            key, key_end = self._decode(position)
            value_start = self._skip(self._skip(key_end) + 1)
            _, value_end = self._decode(value_start)
            members.append(_Member(str(key), position, value_start, value_end))
            position = self._skip(value_end)
            if self._plain[position] == ",":
                position = self._skip(position + 1)
        return _Object(start, position, tuple(members))

    def _decode(self, position: int) -> tuple[JSONValue, int]:
        return self._decoder.raw_decode(self._plain, position)

    def _skip(self, position: int) -> int:
        space = _SPACE.match(self._plain, position)
        return space.end() if space else position


def _blank_all(text: str) -> str:
    """Return the text with spaces for all that strict JSON does not know."""
    plain = _COMMENT.sub(_spaces, text.replace(_BYTE_ORDER_MARK, " ", 1))
    return _LAST_COMMA.sub(_spaces, plain)


def _spaces(found: re.Match[str]) -> str:
    """Return a string as it is, and anything else as so many spaces; line ends stay."""
    if found[1] is not None:
        return found[1]
    return re.sub(r"[^\r\n]", " ", found[0])

"""Reads YAML as JSON values, and remembers where each key stands.

The text may come from anybody: nothing is constructed but what JSON can say, nothing recurses, and
aliases cannot make a small text grow without bound.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, cast

import yaml

from synapse_core.config.yaml_scalars import STANDARD_TAG, parse_scalar
from synapse_core.errors import InvalidInputError
from synapse_core.types import JSONValue

__all__ = ["MAX_NODES", "Place", "YamlPath", "YamlText", "parse_yaml"]

MAX_NODES = 100_000
"""Values in one text, those that aliases repeat counted each time."""

MAX_DEPTH = 100
"""Levels of nesting; JSON readers recurse and give up not far above."""

YamlPath = tuple[str | int, ...]
"""The keys and indices that lead from the top to a value."""


class _Mark(Protocol):
    """A position as both of PyYAML's parsers give it, from 0."""

    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...


class _Events(Protocol):
    """The part of PyYAML's loaders that is used here."""

    def check_event(self) -> bool: ...
    def get_event(self) -> yaml.Event: ...
    def resolve(self, kind: type[yaml.Node], value: str, implicit: object) -> str: ...
    def dispose(self) -> None: ...


_open_events = cast("Callable[[str], _Events]", getattr(yaml, "CSafeLoader", yaml.SafeLoader))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands in the text.

    Attributes:
        line: Line of its key, or of the value itself in a list; from 1.
        column: Column there, from 1.
        text: A scalar as it was written, before any meaning was given to it; else empty.
    """

    line: int
    column: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class YamlText:
    """A text as JSON value, with the place of everything in it."""

    value: JSONValue
    places: dict[YamlPath, Place]


def parse_yaml(
    text: str,
    *,
    source: str,
    error: type[InvalidInputError],
    faults: list[InvalidInputError] | None = None,
) -> YamlText:
    """Return what the text says; `parse_scalar` tells how words are understood.

    Args:
        text: One YAML document.
        source: What the text is, for messages: a path, or `standard input`.
        error: Class to raise.
        faults: Gets the errors that the rest can be read in spite of: repeated keys, and values
            that JSON cannot say. Without it, the first one is raised.

    Raises:
        InvalidInputError: Of class `error`: the text is no YAML or says what JSON cannot; names
            line and column, also in `data`.
    """
    builder = _Builder(source, error, faults)
    try:
        loader = _open_events(text)
        try:
            while loader.check_event():
                builder.take(loader.get_event(), loader)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        what = problem.problem or problem.context or "it cannot be parsed"
        raise builder.fault(f"is no YAML: {what}", mark, "Correct the text there.") from problem
    except yaml.YAMLError as problem:  # a character that YAML does not allow
        first = str(problem).partition("\n")[0]
        raise builder.fault(f"is no YAML: {first}", None, "Save it as UTF-8 text.") from problem
    return YamlText(builder.root, builder.places)


@dataclass(slots=True)
class _Level:
    """A list or mapping that is not closed yet."""

    value: dict[str, JSONValue] | list[JSONValue]
    path: YamlPath
    anchor: str | None
    mark: _Mark | None
    first_node: int
    key: str | None = None
    key_mark: _Mark | None = None
    merged: list[JSONValue] = field(default_factory=list[JSONValue])


_MERGE_KEY = "<<"


class _Builder:
    """Builds the value from parser events, on a stack of its own."""

    def __init__(
        self,
        source: str,
        error: type[InvalidInputError],
        faults: list[InvalidInputError] | None = None,
    ) -> None:
        self.root: JSONValue = None
        self.places: dict[YamlPath, Place] = {}
        self._source = source
        self._error = error
        self._faults = faults
        self._levels: list[_Level] = []
        self._anchors: dict[str, tuple[JSONValue, int]] = {}
        self._open_anchors: set[str] = set()
        self._nodes = 0
        self._documents = 0

    def fault(self, what: str, mark: _Mark | None, hint: str) -> InvalidInputError:
        """Return the error to raise."""
        if mark is None:
            return self._error(f"{self._source} {what}.", hint=hint, source=self._source, what=what)
        line, column = mark.line + 1, mark.column + 1
        message = f"{self._source}, line {line}, column {column}, {what}."
        return self._error(
            message, hint=hint, source=self._source, what=what, line=line, column=column
        )

    def _note(self, fault: InvalidInputError) -> None:
        """Keep a fault that the rest can be read in spite of, or raise it."""
        if self._faults is None:
            raise fault
        self._faults.append(fault)

    def take(self, event: yaml.Event, loader: _Events) -> None:
        """Take in the next event."""
        match event:
            case yaml.ScalarEvent():
                self._count(event.start_mark)
                self._take_scalar(event, loader)
            case yaml.SequenceStartEvent():
                self._open([], event)
            case yaml.MappingStartEvent():
                self._open({}, event)
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                self._close()
            case yaml.AliasEvent():
                self._take_alias(event)
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise self.fault(
                        "begins a second document", event.start_mark, "Keep one; remove `---`."
                    )
            case _:
                pass

    def _count(self, mark: _Mark | None, nodes: int = 1) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise self.fault(
                f"holds more than {MAX_NODES} values", mark, "Remove aliases, or split the text."
            )

    def _open(
        self,
        value: dict[str, JSONValue] | list[JSONValue],
        event: yaml.SequenceStartEvent | yaml.MappingStartEvent,
    ) -> None:
        self._count(event.start_mark)
        wanted = "map" if isinstance(value, dict) else "seq"
        if event.tag not in {None, "!", f"{STANDARD_TAG}{wanted}"}:
            shown = str(event.tag).replace(STANDARD_TAG, "!!")
            self._note(
                self.fault(
                    f"has the tag {shown}, which is not supported", event.start_mark, "Remove it."
                )
            )
        if len(self._levels) >= MAX_DEPTH:
            raise self.fault(
                f"nests deeper than {MAX_DEPTH} levels", event.start_mark, "Make it flatter."
            )
        top = self._levels[-1] if self._levels else None
        if top is not None and isinstance(top.value, dict) and top.key is None:
            raise self.fault(
                "has a list or mapping as a key", event.start_mark, "Quote the key if it is text."
            )
        path = self._place(event.start_mark, "")
        if event.anchor:
            self._open_anchors.add(event.anchor)
        self._levels.append(_Level(value, path, event.anchor, event.start_mark, self._nodes))

    def _close(self) -> None:
        level = self._levels.pop()
        if isinstance(level.value, dict):
            self._merge(level, level.value)
        if level.anchor:
            self._open_anchors.discard(level.anchor)
            self._anchors[level.anchor] = (level.value, self._nodes - level.first_node + 1)
        self._put(level.value, level.mark)

    def _take_scalar(self, event: yaml.ScalarEvent, loader: _Events) -> None:
        top = self._levels[-1] if self._levels else None
        if top is not None and isinstance(top.value, dict) and top.key is None:
            self._take_key(top, top.value, event)
            return
        tag = str(event.tag or "!")
        if tag == "!":
            tag = loader.resolve(yaml.ScalarNode, event.value, event.implicit)
        try:
            value = parse_scalar(tag, event.value)
        except ValueError as problem:
            self._note(self.fault(str(problem), event.start_mark, "Quote it if it is text."))
            value = event.value
        if event.anchor:
            self._anchors[event.anchor] = (value, 1)
        self._place(event.start_mark, event.value)
        self._put(value, event.start_mark)

    def _take_key(
        self, level: _Level, mapping: dict[str, JSONValue], event: yaml.ScalarEvent
    ) -> None:
        name = event.value
        if name in mapping:
            first = self.places[(*level.path, name)].line
            fault = self.fault(
                f"repeats the key {name!r} of line {first}", event.start_mark, "Keep one of them."
            )
            fault.data["key"] = ".".join(str(step) for step in (*level.path, name))
            self._note(fault)
        level.key = name
        level.key_mark = event.start_mark

    def _take_alias(self, event: yaml.AliasEvent) -> None:
        name = str(event.anchor)
        if name in self._open_anchors:
            raise self.fault(
                f"refers to {name!r} from inside itself", event.start_mark, "Write the value out."
            )
        if name not in self._anchors:
            raise self.fault(
                f"refers to {name!r}, which is not defined before", event.start_mark, "Define it."
            )
        value, nodes = self._anchors[name]
        self._count(event.start_mark, nodes)
        self._place(event.start_mark, "")
        self._put(value, event.start_mark)

    def _place(self, mark: _Mark | None, text: str) -> YamlPath:
        """Note where the value that begins here stands, and return its path."""
        path: YamlPath = ()
        if self._levels:
            top = self._levels[-1]
            path = (*top.path, len(top.value) if isinstance(top.value, list) else top.key or "")
            mark = top.key_mark or mark
        if mark is not None:  # both parsers always give one
            self.places[path] = Place(mark.line + 1, mark.column + 1, text)
        return path

    def _put(self, value: JSONValue, mark: _Mark | None) -> None:
        if not self._levels:
            self.root = value
            return
        top = self._levels[-1]
        if isinstance(top.value, list):
            top.value.append(value)
            return
        if top.key is None:
            raise self.fault("has an alias as a key", mark, "Write the key out.")
        if top.key == _MERGE_KEY:
            top.merged.append(value)
        else:
            top.value[top.key] = value
        top.key = top.key_mark = None

    def _merge(self, level: _Level, mapping: dict[str, JSONValue]) -> None:
        """Add what `<<` names; keys that stand there win, and earlier ones over later ones."""
        for given in level.merged:
            for part in given if isinstance(given, list) else [given]:
                if not isinstance(part, dict):
                    raise self.fault(
                        "merges something that is no mapping", level.mark, "Write `<<: *name`."
                    )
                for key, value in part.items():
                    mapping.setdefault(key, value)

"""The base of all results, their two forms, and the ceiling on their size."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field

from synapse_core.logs.redact import Redactor
from synapse_core.types import JSONObject, JSONValue
from synapse_mcp.advice import as_call
from synapse_mcp.errors import ResultTooLargeError, well_formed
from synapse_mcp.results.text import compact_json, render_text

__all__ = ["MAX_CHARS", "Answer", "Result", "Row", "fit", "suggest"]

MAX_CHARS = 10_000
"""Ceiling on each of the two forms of a result; clients cut longer ones in places of their own."""


class Row(BaseModel):
    """A part of a result. Fields that are None are left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Result(Row):
    """What a tool answers.

    Attributes:
        next: Calls that make sense now, each as the tool's name and its JSON arguments.
    """

    quoted: ClassVar[frozenset[str]] = frozenset()
    """Fields whose text comes from a user's program."""

    as_json: ClassVar[frozenset[str]] = frozenset()
    """Fields that hold free JSON."""

    next: list[str] = Field(default_factory=list[str])

    def answer(
        self, tools: AbstractSet[str] | None = None, redactor: Redactor | None = None
    ) -> "Answer":
        """Return both forms.

        Args:
            tools: Only those next calls are named whose tool is among them; None for all.
            redactor: Takes out what the server keeps secret.
        """
        content = cast("JSONObject", self.model_dump(mode="json", exclude_none=True))
        calls = cast("list[str]", content.pop("next"))
        offered = [call for call in calls if tools is None or call.split(" ", 1)[0] in tools]
        clean = well_formed if redactor is None else _cleaner(redactor)
        content = cast(
            "JSONObject", _each_text({**content, "next": cast("JSONValue", offered)}, clean)
        )
        # Text of a program goes last: what follows it could be mistaken for a part of it.
        ordered = sorted(content.items(), key=lambda item: item[0] in self.quoted)
        text = render_text(dict(ordered), quoted=self.quoted, as_json=self.as_json)
        return Answer(content, text)


@dataclass(frozen=True, slots=True)
class Answer:
    """A result in both its forms.

    Attributes:
        content: The structured content.
        text: The same as text.
    """

    content: JSONObject
    text: str

    @property
    def fits(self) -> bool:
        """Whether both forms keep below the ceiling."""
        return len(self.text) <= MAX_CHARS and len(compact_json(self.content)) <= MAX_CHARS


ResultT = TypeVar("ResultT", bound=Result)


def fit(build: Callable[[int], ResultT], size: int) -> ResultT:
    """Return `build(size)`, or that of the first half, quarter… of `size` that keeps the ceiling.

    Building again, rather than cutting what was built, keeps cursors and totals true.

    Raises:
        ResultTooLargeError: Even one item is too large.
    """
    while True:
        result = build(size)
        if _is_small(result) or result.answer().fits:
            return result
        if size <= 1:
            raise ResultTooLargeError(
                f"One item of this result alone has more than {MAX_CHARS} characters."
            )
        size //= 2


def _is_small(result: Result) -> bool:
    """Whether both forms fit for certain, found out without making them, which takes longer.

    The text has at most three characters for one of the JSON: the worst is a line break in a list,
    which becomes one with a dash and a space.
    """
    try:
        return len(result.model_dump_json(exclude_none=True)) * 3 <= MAX_CHARS
    except ValueError:
        return False  # it holds lone surrogates, which grow when they are replaced


def suggest(tool: str, /, **arguments: JSONValue) -> str:
    """Return a next call as text."""
    return as_call(tool, arguments)


def _cleaner(redactor: Redactor) -> Callable[[str], str]:
    def clean(text: str) -> str:
        return redactor.source(well_formed(text))

    return clean


def _each_text(value: Any, clean: Callable[[str], str]) -> Any:  # noqa: ANN401 - any JSON value
    match value:
        case str():
            return clean(value)
        case list():
            return [_each_text(item, clean) for item in cast("list[Any]", value)]
        case dict():
            pairs = cast("dict[str, Any]", value).items()
            return {clean(key): _each_text(item, clean) for key, item in pairs}
        case _:
            return value

"""Writes to stdout: for people with colour on a terminal, plain in a pipe, or as JSON.

Programs read the JSON, so nothing else may stand beside it: hints and warnings go to stderr.
"""

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TextIO, cast

from synapse_core.logs.display import neutralise
from synapse_core.types import JSONValue

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Output", "PipeClosedError", "note", "paint", "to_json"]

_ANSI = {"red": "31", "yellow": "33", "bold": "1"}


class PipeClosedError(Exception):
    """Whoever read our stdout has left, as `head` does."""


class Output:
    """The stdout of one command.

    Args:
        as_json: Whether the command was asked for JSON; then only JSON may be written.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.is_terminal = sys.stdout.isatty() and not as_json
        self._console: Console | None = None

    def json(self, value: object) -> None:
        """Write one JSON document; indented where a person reads it."""
        self._write(_dump(to_json(value), indent=2 if sys.stdout.isatty() else None) + "\n")

    def json_line(self, value: object) -> None:
        """Write one line of JSON."""
        self._write(_dump(to_json(value)) + "\n")
        self.flush()

    def line(self, text: str = "", style: str = "") -> None:
        """Write a line; control characters in it are made harmless, the style is for terminals."""
        safe = "\n".join(neutralise(part) for part in text.split("\n"))
        if self.is_terminal and style:
            self.console.print(safe, style=style, markup=False, highlight=False, soft_wrap=True)
        else:
            self._write(f"{safe}\n")

    def raw(self, text: str) -> None:
        """Write text that is known to be harmless, without a line end of its own."""
        self._write(text)

    def flush(self) -> None:
        """Hand what was written to whoever reads it."""
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            raise PipeClosedError from None

    def fields(self, pairs: Mapping[str, str], *, indent: str = "") -> None:
        """Write `name  value` lines; empty values are left out."""
        shown = {name: value for name, value in pairs.items() if value}
        width = max(map(len, shown), default=0)
        for name, value in shown.items():
            first, *more = value.split("\n")
            self.line(f"{indent}{name.ljust(width)}  {first}")
            for line in more:
                self.line(f"{indent}{' ' * width}  {line}")

    def table(
        self,
        columns: Sequence[str],
        rows: Iterable[Sequence[str]],
        *,
        styles: Mapping[str, str] | None = None,
    ) -> None:
        """Write rows below their headings.

        Args:
            columns: Headings; the last column may be cut to the width of a terminal.
            rows: The cells.
            styles: Style of a cell by its text, for terminals.
        """
        cells = [[_one_line(cell) for cell in row] for row in rows]
        if self.is_terminal:
            self._draw_table(columns, cells, styles or {})
            return
        widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
        for row in [columns, *cells]:
            padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
            self._write("  ".join(padded).rstrip() + "\n")

    @property
    def console(self) -> "Console":
        """The terminal, drawn on with rich; only for terminals."""
        if self._console is None:
            # 40 ms to import, and only terminals get colours.
            from rich.console import Console  # noqa: PLC0415 (see above)

            self._console = Console(highlight=False, markup=False, emoji=False)
        return self._console

    def _draw_table(
        self, columns: Sequence[str], cells: list[list[str]], styles: Mapping[str, str]
    ) -> None:
        from rich.table import Table  # noqa: PLC0415 as above
        from rich.text import Text  # noqa: PLC0415 as above

        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        for column in columns[:-1]:
            table.add_column(column, no_wrap=True)
        table.add_column(columns[-1], no_wrap=True, overflow="ellipsis")
        for row in cells:
            table.add_row(*(Text(cell, style=styles.get(cell, "")) for cell in row))
        self.console.print(table)

    def _write(self, text: str) -> None:
        try:
            sys.stdout.write(text)
        except BrokenPipeError:
            raise PipeClosedError from None


def note(text: str) -> None:
    """Write a line for people to stderr."""
    sys.stderr.write(f"{neutralise(text)}\n")


def paint(text: str, colour: str, stream: TextIO) -> str:
    """Return the text in the colour if the stream is a terminal that wants colours."""
    if not stream.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\x1b[{_ANSI[colour]}m{text}\x1b[0m"


def to_json(value: object) -> JSONValue:
    """Return a value of ours as JSON says it."""
    match value:
        case Enum():
            return to_json(value.value)
        case None | bool() | int() | float() | str():
            return value
        case PurePath():
            return str(value)
        case Mapping():
            pairs = cast("Mapping[Any, object]", value).items()
            return {str(to_json(key)): to_json(item) for key, item in pairs}
        case list() | tuple() | set() | frozenset():
            return [to_json(item) for item in cast("Iterable[object]", value)]
        case _ if is_dataclass(value):
            return {field.name: to_json(getattr(value, field.name)) for field in fields(value)}
        case _:
            raise TypeError(f"{type(value).__name__} has no JSON form.")


def _dump(value: JSONValue, *, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _one_line(text: str) -> str:
    return neutralise(" ".join(text.split("\n"))) if text else ""

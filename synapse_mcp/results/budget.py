"""How much of a run is shown."""

from collections.abc import Iterable
from typing import TypeVar

from synapse_core.types import JSONValue
from synapse_mcp.errors import clip
from synapse_mcp.results.text import compact_json

__all__ = ["Budget"]

T = TypeVar("T")

_MAX_TEXT = 1_000
_CHARS_PER_ENTRY = 100
"""Share of the budget that one metric, step, artifact or category of progress is given."""


class Budget:
    """Shortens the parts of a run and remembers which ones it had to cut."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._cut: list[str] = []

    def last(self, name: str, items: Iterable[T]) -> list[T]:
        """Return the latest items; entries stand in the order in which they first appeared."""
        kept = list(items)
        most = max(1, self._size // _CHARS_PER_ENTRY)
        if len(kept) > most:
            self._cut.append(f"{name} (last {most} of {len(kept)})")
        return kept[-most:]

    def text(self, name: str, text: str) -> str:
        """Return the beginning of a text."""
        most = min(self._size, _MAX_TEXT)
        if len(text) > most:
            self._cut.append(name)
        return clip(text, most)

    def json(self, name: str, value: JSONValue) -> JSONValue:
        """Return the value, or the beginning of its JSON as a string."""
        text = compact_json(value)
        if len(text) <= self._size:
            return value
        self._cut.append(f"{name} (the first {self._size} of {len(text)} characters of its JSON)")
        return text[: self._size]

    def told(self, run_id: str) -> str | None:
        """Say what was cut and where the whole is; None when nothing was."""
        if not self._cut:
            return None
        return f"{', '.join(self._cut)} shortened; the resource run://{run_id} has all of it"

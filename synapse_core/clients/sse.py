"""Reads server-sent events.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html.
"""

from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["EventParser", "SentEvent"]


@dataclass(frozen=True, slots=True)
class SentEvent:
    """One event as it was sent.

    Attributes:
        id: The last id so far; empty for none.
        event: Its name.
        data: Its text.
    """

    id: str
    event: str
    data: str


class EventParser:
    """Takes in a stream in pieces of any size, and gives the events that are whole."""

    def __init__(self) -> None:
        self._rest = b""
        self._id = ""
        self._event = ""
        self._data: list[str] = []

    def feed(self, piece: bytes) -> Iterator[SentEvent]:
        """Yield the events that the piece completes."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            text = line.removesuffix(b"\r").decode("utf-8", "replace")
            if text:
                self._take(text)
            elif self._data:
                yield SentEvent(self._id, self._event or "message", "\n".join(self._data))
                self._event, self._data = "", []
            else:
                self._event = ""

    def _take(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "data":
                self._data.append(value)
            case "event":
                self._event = value
            case "id" if "\0" not in value:
                self._id = value
            case _:  # a comment, or a field of a later time
                pass

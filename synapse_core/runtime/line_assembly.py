"""Puts lines together from what is written bit by bit."""

import re
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["LONGEST_PIECE", "LineAssembler", "Piece"]

LONGEST_PIECE = 1 << 16
"""Characters of one log event; a longer line goes on in the next event."""

_CUT_BACK = 1 << 12
"""How far back from there a space is looked for to cut at: a word stays whole, and a secret."""

_OVERWRITE_S = 1.0
"""So often a line that is written over and over is recorded before its last state."""

_BREAK = re.compile(r"\r*\n|\r+")


@dataclass(slots=True)  # to make a frozen one takes three times as long, and each line makes one
class Piece:
    """Text to record: a line, or with `more` the part of one that goes on."""

    text: str
    more: bool = False


class LineAssembler:
    """Collects text until a line is whole, in bounded memory.

    A line is what a terminal would leave of it: of the states that a progress bar writes over each
    other with carriage returns, one a second is recorded, and the last one always.

    Args:
        monotonic: Returns seconds that never go back.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._waiting: list[str] = []
        self._size = 0
        self._returned = False
        """A carriage return came last: what follows tells whether it ends or overwrites."""
        self._is_overwritten = False
        self._shown = ""
        self._show_from = float("-inf")

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits for the rest of its line."""
        return not (self._waiting or self._returned or self._is_overwritten)

    def feed(self, text: str) -> list[Piece]:
        """Take more text and return what can be recorded now."""
        if self._returned or "\r" in text:
            return self._feed_returns(text)
        # A `print` of several values comes in as many parts, and its end by itself.
        if "\n" not in text:
            if text:
                self._waiting.append(text)
                self._size += len(text)
            return [] if self._size <= LONGEST_PIECE else self._take_overlong()
        if text == "\n":
            done: list[Piece] = []
            self._end_line(done)
            return done
        *ended, begun = text.split("\n")
        done = []
        for part in ended:
            done += self._add(part)
            self._end_line(done)
        done += self._add(begun)
        return done

    def _feed_returns(self, text: str) -> list[Piece]:
        """Take text with carriage returns in it or before it."""
        if self._returned:
            self._returned = False
            text = f"\r{text}"
        body = text.rstrip("\r")
        self._returned = len(body) < len(text)
        done: list[Piece] = []
        start = 0
        for found in _BREAK.finditer(body):
            done += self._add(body[start : found.start()])
            start = found.end()
            if body[start - 1] == "\n":
                self._end_line(done)
            else:
                self._return(done)
        done += self._add(body[start:])
        return done

    def flush(self) -> list[Piece]:
        """Return what the writer wants to be seen now; its line may go on.

        The states of a progress bar stay bounded all the same.
        """
        if not (self._is_overwritten or self._returned):
            text = self._take()
            return [Piece(text, more=True)] if text else []
        done: list[Piece] = []
        self._show("".join(self._waiting), done)
        return done

    def finish(self) -> list[Piece]:
        """Return what is left: a line that nobody ended."""
        self._returned = False
        text = self._take()
        is_new = bool(text) and not (self._is_overwritten and text == self._shown)
        self._is_overwritten = False
        return [Piece(text)] if is_new else []

    def _add(self, text: str) -> list[Piece]:
        """Add to the line, and return what of it became too long to wait."""
        if text:
            self._waiting.append(text)
            self._size += len(text)
            if self._size > LONGEST_PIECE:
                return self._take_overlong()
        return []

    def _take_overlong(self) -> list[Piece]:
        """Return what became too long to wait."""
        *pieces, rest = _cut(self._take())
        self._waiting, self._size = [rest], len(rest)
        return [Piece(piece, more=True) for piece in pieces]

    def _take(self) -> str:
        text = "".join(self._waiting)
        self._waiting, self._size = [], 0
        return text

    def _end_line(self, done: list[Piece]) -> None:
        text = self._take()
        if not (self._is_overwritten and text == self._shown):
            done.append(Piece(text))
        if self._is_overwritten or self._shown:
            self._is_overwritten = False
            self._shown = ""
            self._show_from = float("-inf")

    def _return(self, done: list[Piece]) -> None:
        self._show(self._take(), done)
        self._is_overwritten = True

    def _show(self, text: str, done: list[Piece]) -> None:
        """Record a state that will be written over, if it is time for one."""
        now = self._monotonic()
        if now >= self._show_from and text != self._shown and not text.isspace() and text:
            done.append(Piece(text))
            self._shown = text
            self._show_from = now + _OVERWRITE_S


def _cut(text: str) -> list[str]:
    """Return pieces of bounded length, and the rest."""
    pieces: list[str] = []
    start = 0
    while len(text) - start > LONGEST_PIECE:
        end = start + LONGEST_PIECE
        end = text.rfind(" ", end - _CUT_BACK, end) + 1 or end
        pieces.append(text[start:end])
        start = end
    return [*pieces, text[start:]]

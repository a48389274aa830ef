"""Reads the lines of a file that somebody may be appending to, forwards and backwards.

A line counts once its newline is there. Memory follows the longest line, never the file.
"""

import os
from collections.abc import Iterator

__all__ = ["end_of_lines", "lines_before", "lines_from"]

_BLOCK = 1 << 16
"""Read at once backwards: what a look at the last hundred lines costs at least."""

_FORWARD_BLOCK = 1 << 18


def lines_from(descriptor: int, start: int, end: int | None = None) -> Iterator[tuple[int, bytes]]:
    """Yield position and text of each whole line from `start` on, without newlines.

    Args:
        descriptor: An open file; where its own position stands does not matter.
        start: Where a line begins.
        end: Where to stop, at the end of a line; None takes in what is appended meanwhile.
    """
    begun: list[bytes] = []
    position = start
    while end is None or position < end:
        size = _FORWARD_BLOCK if end is None else min(_FORWARD_BLOCK, end - position)
        block = os.pread(descriptor, size, position)
        if not block:
            return
        position += len(block)
        *lines, rest = block.split(b"\n")
        for line in lines:
            begun.append(line)
            whole = b"".join(begun)
            begun.clear()
            yield start, whole
            start += len(whole) + 1
        begun.append(rest)


def lines_before(descriptor: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Yield position and text of each line before `end`, the last one first, without newlines.

    Args:
        descriptor: An open file; where its own position stands does not matter.
        end: Where a line ends, its newline included.
    """
    newline = end - 1  # the one that ends the last line not yet yielded
    position = newline
    later: list[bytes] = []
    while position > 0:
        size = min(_BLOCK, position)
        position -= size
        first, *lines = os.pread(descriptor, size, position).split(b"\n")
        for line in reversed(lines):
            later.append(line)
            whole = b"".join(reversed(later))
            later.clear()
            yield newline - len(whole), whole
            newline -= len(whole) + 1
        later.append(first)
    if newline >= 0:
        yield 0, b"".join(reversed(later))


def end_of_lines(descriptor: int, floor: int = 0, end: int | None = None) -> int:
    """Return the position after the last newline before `end`, or `floor` when there is none.

    Args:
        descriptor: An open file; its own position may be moved.
        floor: Nothing before it is looked at.
        end: Nothing after it is looked at; None for the end of the file.
    """
    position = os.lseek(descriptor, 0, os.SEEK_END) if end is None else end
    while position > floor:
        size = min(_BLOCK, position - floor)
        position -= size
        found = os.pread(descriptor, size, position).rfind(b"\n")
        if found >= 0:
            return position + found + 1
    return floor

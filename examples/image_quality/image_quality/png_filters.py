"""The filters that PNG puts on each row before it is compressed, and their undoing.

Source: https://www.w3.org/TR/png-3/#9Filters
"""

from collections.abc import Callable
from itertools import accumulate

__all__ = ["FILTERS", "unfilter"]


def unfilter(number: int, row: bytearray, above: bytes, step: int) -> bytes:
    """Return the bytes of a row whose filter is `number`.

    Args:
        number: 0 none, 1 sub, 2 up, 3 average, 4 Paeth.
        row: The filtered bytes.
        above: The unfiltered row above; zeros for the first.
        step: Bytes of a pixel, at least 1.

    Raises:
        ValueError: There is no such filter.
    """
    match number:
        case 0:
            return bytes(row)
        case 1:
            for channel in range(step):
                running = accumulate(row[channel::step])
                row[channel::step] = bytes(value & 255 for value in running)
            return bytes(row)
        case 2:
            return bytes((a + b) & 255 for a, b in zip(row, above, strict=True))
        case 3:
            return _undo_average(row, above, step)
        case 4:
            return _undo_paeth(row, above, step)
        case _:
            raise ValueError(f"a row has the unknown filter {number}")


def _undo_average(row: bytearray, above: bytes, step: int) -> bytes:
    for i, up in enumerate(above):
        left = row[i - step] if i >= step else 0
        row[i] = (row[i] + (left + up) // 2) & 255
    return bytes(row)


def _undo_paeth(row: bytearray, above: bytes, step: int) -> bytes:
    for i in range(min(step, len(row))):
        row[i] = (row[i] + above[i]) & 255
    for i in range(step, len(row)):
        row[i] = (row[i] + _paeth(row[i - step], above[i], above[i - step])) & 255
    return bytes(row)


def _paeth(left: int, up: int, corner: int) -> int:
    """Return the neighbour that is nearest to `left + up - corner`."""
    to_left, to_up, to_corner = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
    if to_left <= to_up and to_left <= to_corner:
        return left
    return up if to_up <= to_corner else corner


def _sub(row: bytes, _above: bytes, step: int) -> bytes:
    return bytes((a - b) & 255 for a, b in zip(row, bytes(step) + row, strict=False))


def _up(row: bytes, above: bytes, _step: int) -> bytes:
    return bytes((a - b) & 255 for a, b in zip(row, above, strict=True))


def _paeth_filter(row: bytes, above: bytes, step: int) -> bytes:
    left = bytes(step) + row
    corner = bytes(step) + above
    return bytes(
        (value - _paeth(a, b, c)) & 255
        for value, a, b, c in zip(row, left, above, corner, strict=False)
    )


FILTERS: tuple[tuple[int, Callable[[bytes, bytes, int], bytes]], ...] = (
    (1, _sub),
    (2, _up),
    (4, _paeth_filter),
)
"""Filters worth trying when writing, by number; each takes the row, the row above and the step."""

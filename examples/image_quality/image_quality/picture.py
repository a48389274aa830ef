"""A picture in memory, and how to make it smaller or grey."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

__all__ = ["Picture", "fit", "shrink", "to_grey"]


@dataclass(frozen=True, slots=True)
class Picture:
    """Pixels, row by row from the top left.

    Attributes:
        width: In px.
        height: In px.
        channels: 1 for grey, 3 for red, green, blue.
        pixels: `height * width * channels` bytes, 0 black to 255 full.
    """

    width: int
    height: int
    channels: int
    pixels: bytes

    def row(self, y: int) -> bytes:
        """Return the bytes of one row."""
        stride = self.width * self.channels
        return self.pixels[y * stride : (y + 1) * stride]


def to_grey(picture: Picture) -> Picture:
    """Return the luminance of each pixel (weights of ITU-R BT.709, in 1/256)."""
    if picture.channels == 1:
        return picture
    pixels = picture.pixels
    grey = bytes(
        (54 * red + 183 * green + 19 * blue) >> 8
        for red, green, blue in zip(pixels[0::3], pixels[1::3], pixels[2::3], strict=True)
    )
    return Picture(picture.width, picture.height, 1, grey)


def fit(picture: Picture, side_px: int) -> Picture:
    """Return the picture with its longer side at most `side_px`; smaller ones are unchanged."""
    longer = max(picture.width, picture.height)
    if longer <= side_px:
        return picture
    width = max(1, picture.width * side_px // longer)
    height = max(1, picture.height * side_px // longer)
    return shrink(picture, width, height)


def shrink(picture: Picture, width: int, height: int) -> Picture:
    """Return the picture in a smaller size; each pixel is the mean of those it covers.

    A side that is already smaller is stretched by repeating pixels.
    """
    rows = _edges(picture.height, height)
    columns = _edges(picture.width, width)
    pixels = b"".join(
        _shrink_row(_sum_rows(picture, top, bottom), columns, picture.channels, bottom - top)
        for top, bottom in rows
    )
    return Picture(width, height, picture.channels, pixels)


def _edges(size: int, parts: int) -> list[tuple[int, int]]:
    cuts = [part * size // parts for part in range(parts + 1)]
    return [(low, max(high, low + 1)) for low, high in pairwise(cuts)]


def _sum_rows(picture: Picture, top: int, bottom: int) -> Sequence[int]:
    if bottom - top == 1:
        return picture.row(top)
    return list(map(sum, zip(*(picture.row(y) for y in range(top, bottom)), strict=True)))


def _shrink_row(
    sums: Sequence[int], columns: list[tuple[int, int]], channels: int, rows: int
) -> bytes:
    """Average the columns of one row, whose values are already sums over `rows` rows."""
    row = bytearray(len(columns) * channels)
    for channel in range(channels):
        total = [0, *accumulate(sums[channel::channels])]
        row[channel::channels] = bytes(
            (total[right] - total[left]) // ((right - left) * rows) for left, right in columns
        )
    return bytes(row)

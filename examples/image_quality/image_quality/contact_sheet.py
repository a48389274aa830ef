"""Lays many pictures out on one."""

from collections.abc import Sequence
from math import ceil, sqrt

from image_quality.picture import Picture

__all__ = ["Colour", "Tile", "build_contact_sheet"]

Colour = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""

Tile = tuple[Picture | None, Colour]
"""A picture, None for a blank, and the colour of its rim."""

_RIM_PX = 3
_GAP_PX = 8
_PAPER = bytes((246, 247, 249))
_BLANK = bytes((221, 227, 234))


def build_contact_sheet(tiles: Sequence[Tile], *, width: int = 120, height: int = 90) -> Picture:
    """Return all tiles in rows from the top left, each picture centred within its rim.

    Pictures must fit into `width` by `height` px.
    """
    columns = max(1, ceil(sqrt(len(tiles) * height / width * 1.6)))
    across, down = width + 2 * _RIM_PX + _GAP_PX, height + 2 * _RIM_PX + _GAP_PX
    sheet_width = columns * across + _GAP_PX
    sheet_height = ceil(len(tiles) / columns) * down + _GAP_PX
    sheet = bytearray(_PAPER * (sheet_width * sheet_height))
    for number, (picture, colour) in enumerate(tiles):
        row, column = divmod(number, columns)
        left, top = _GAP_PX + column * across, _GAP_PX + row * down
        rim = _box(width + 2 * _RIM_PX, height + 2 * _RIM_PX, bytes(colour))
        _paste(sheet, sheet_width, rim, (left, top))
        left, top = left + _RIM_PX, top + _RIM_PX
        _paste(sheet, sheet_width, _box(width, height, _BLANK), (left, top))
        if picture is not None:
            centre = left + (width - picture.width) // 2, top + (height - picture.height) // 2
            _paste(sheet, sheet_width, picture, centre)
    return Picture(sheet_width, sheet_height, 3, bytes(sheet))


def _box(width: int, height: int, colour: bytes) -> Picture:
    return Picture(width, height, 3, colour * (width * height))


def _paste(sheet: bytearray, sheet_width: int, picture: Picture, at: tuple[int, int]) -> None:
    left, top = at
    for y in range(picture.height):
        row = picture.row(y)
        if picture.channels == 1:
            row = bytes(level for level in row for _ in range(3))
        start = ((top + y) * sheet_width + left) * 3
        sheet[start : start + len(row)] = row

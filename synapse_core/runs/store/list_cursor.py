"""Cursors of the list of runs: the place after one run, bound to what was asked for."""

import binascii
import struct
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode

from synapse_core.errors import CursorError
from synapse_core.model.run import RunFilter

__all__ = ["Place", "format_place", "parse_place"]

Place = tuple[float, int]
"""Time of creation and number of a run: the order of the list, and never the same for two."""

_FORM = struct.Struct(">BdqI")
_VERSION = 1


def format_place(where: RunFilter, place: Place) -> str:
    """Return the cursor that stands after the run at `place`."""
    packed = _FORM.pack(_VERSION, *place, _check(where, place))
    return urlsafe_b64encode(packed).decode("ascii")


def parse_place(where: RunFilter, cursor: str) -> Place:
    """Return the place that the cursor stands after.

    Raises:
        CursorError: It is no cursor of a list with this filter.
    """
    try:
        version, created_at, number, check = _FORM.unpack(_decode(cursor))
    except (binascii.Error, UnicodeEncodeError, struct.error):
        raise CursorError(
            f"{cursor[:80]!r} is no cursor.",
            hint="Give back the cursor of the earlier page unchanged, or none for the first page.",
        ) from None
    if version != _VERSION or check != _check(where, (created_at, number)):
        raise CursorError(
            f"The cursor {cursor!r} belongs to another list.",
            hint="Keep the filter of the first page, or ask for the first page of this one.",
        )
    return created_at, number


def _decode(cursor: str) -> bytes:
    decoded = urlsafe_b64decode(cursor.encode("ascii"))
    # The decoder passes over what is not base64; such text was not made here.
    return decoded if urlsafe_b64encode(decoded).decode("ascii") == cursor else b""


def _check(where: RunFilter, place: Place) -> int:
    """Return what ties the place to the filter; it guards against mistakes only."""
    asked = (
        sorted(where.statuses),
        where.plugin,
        where.action,
        where.since,
        where.until,
        where.parent_id,
        place,
    )
    return zlib.crc32(ascii(asked).encode("ascii"))

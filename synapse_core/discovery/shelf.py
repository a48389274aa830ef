"""Keeps what was found out about plugins in files that may be lost, damaged or deleted at any time.

Nothing here is an error: a cache that cannot be read or written only makes things slower.
"""

import contextlib
import hashlib
import json
import os
from pathlib import Path
from typing import Any

from synapse_core.types import JSONObject

__all__ = ["Shelf"]

_FORMAT = 1
_CHECK_CHARS = 32
_MAX_BYTES = 64 << 20


class Shelf:
    """JSON objects by plugin folder, each valid for one stamp.

    Args:
        folder: Where the files lie; made when it is needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, place: Path, stamp: str) -> JSONObject | None:
        """Return what was written for this folder with this stamp, if anything."""
        try:
            content = self._file(place).read_bytes()
        except OSError:
            return None
        check, _, body = content.partition(b"\n")
        if check.decode(errors="replace") != _check(body):
            return None
        try:
            entry: Any = json.loads(body)
        except (ValueError, RecursionError):
            return None
        is_same = entry["place"] == str(place) and entry["stamp"] == stamp
        return entry["value"] if is_same and entry["format"] == _FORMAT else None

    def write(self, place: Path, stamp: str, value: JSONObject) -> None:
        """Keep an object, in place of an earlier one; readers see one or the other."""
        entry = {"format": _FORMAT, "place": str(place), "stamp": stamp, "value": value}
        try:
            body = json.dumps(entry, separators=(",", ":")).encode()
        except ValueError:  # a number that JSON does not know, from somebody's schema
            return
        if len(body) > _MAX_BYTES:
            return
        target = self._file(place)
        draft = target.with_name(f".{target.name}.{os.urandom(4).hex()}")
        # Not synced to disk: after a power failure the check tells, and it is made again.
        with contextlib.suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                draft.write_bytes(f"{_check(body)}\n".encode() + body)
                draft.replace(target)
            finally:
                draft.unlink(missing_ok=True)

    def _file(self, place: Path) -> Path:
        name = hashlib.blake2b(os.fsencode(place), digest_size=16).hexdigest()
        return self._folder / f"{name}.json"


def _check(body: bytes) -> str:
    return hashlib.blake2b(body, digest_size=_CHECK_CHARS // 2).hexdigest()

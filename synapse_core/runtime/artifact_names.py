"""What an artifact may be called."""

import re

from synapse_core.errors import InvalidInputError, PathRefusedError
from synapse_core.runtime.json_safe import safe_repr

__all__ = ["checked_name"]

_LONGEST_PART_BYTES = 255
"""Source: NAME_MAX of every file system in use."""

_LONGEST_NAME_BYTES = 1_000
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_DRIVE = re.compile(r"[A-Za-z]:")


def checked_name(name: object) -> str:
    """Return the name, which is a safe relative path with `/` between folders.

    Raises:
        InvalidInputError: It is empty, too long, or not text.
        PathRefusedError: It could lead somewhere else, here or on the machine of a reader.
    """
    if not isinstance(name, str) or not name.strip():
        raise InvalidInputError(
            f"{safe_repr(name)[:100]} is no name for an artifact.",
            hint='Give a relative path such as "report.html" or "plots/loss.png".',
        )
    problem = _danger(name)
    if problem:
        raise PathRefusedError(
            f"The artifact name {safe_repr(name)[:200]} {problem}.",
            hint='Give a relative path with "/" between folders, such as "plots/loss.png".',
        )
    size = len(name.encode())
    longest = max(len(part.encode()) for part in name.split("/"))
    if size > _LONGEST_NAME_BYTES or longest > _LONGEST_PART_BYTES:
        raise InvalidInputError(
            f"The artifact name {name[:40]!r}… is too long: {size} bytes.",
            hint=f"At most {_LONGEST_NAME_BYTES} bytes in all, {_LONGEST_PART_BYTES} a folder.",
        )
    return name


def _danger(name: str) -> str:
    """Tell what is dangerous about the name; an empty text for nothing."""
    parts = name.split("/")
    dangers = {
        "holds a control character": _CONTROL.search(name) is not None,
        "is not valid Unicode": _SURROGATE.search(name) is not None,
        "holds a backslash": "\\" in name,
        "is an absolute path": name.startswith("/") or _DRIVE.match(name) is not None,
        "leads out of the run's folder": ".." in parts,
        "has an empty part": "." in parts or "" in parts,
        "has a part that begins or ends with a space": any(part != part.strip() for part in parts),
    }
    return next((danger for danger, is_there in dangers.items() if is_there), "")

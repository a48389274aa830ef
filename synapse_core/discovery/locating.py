"""Turns a path that somebody gives into a folder below one of the roots."""

import os
from collections.abc import Sequence
from pathlib import Path

from synapse_core.errors import PathRefusedError

__all__ = ["locate_folder", "looks_like_path"]

_MOST_SHOWN = 200


def looks_like_path(reference: str) -> bool:
    """Whether the text can only be meant as a path, not as the code of a plugin."""
    return (
        "/" in reference or os.sep in reference or reference in {".", ".."} or reference[:1] == "~"
    )


def locate_folder(reference: str | Path, roots: Sequence[Path]) -> Path:
    """Return the folder that a path leads to, absolute and without links.

    Whether anything is there is told only of what lies below the roots.

    Args:
        reference: A path; relative ones begin at a root, the first one where something is there.
        roots: Folders that it must stay below, resolved.

    Raises:
        PathRefusedError: It leads out of the roots, or is no path.
    """
    try:
        given = os.path.expanduser(reference)  # noqa: PTH111 pathlib raises where there is no home
        # Joining an absolute path to a root gives that path.
        places = [Path(os.path.realpath(root / given)) for root in roots]
    except ValueError as error:  # a null byte, or half of a surrogate pair
        raise PathRefusedError(
            f"{_show(reference)} is no path: {error}.", hint="Give the path of a plugin's folder."
        ) from error
    inside = [place for place in places if any(place.is_relative_to(root) for root in roots)]
    if not inside:
        listed = ", ".join(str(root) for root in roots) or "none"
        raise PathRefusedError(
            f"{_show(reference)} lies outside of the folders where plugins may be.",
            hint=f"Give a path below one of them: {listed}.",
            path=_show(reference),
        )
    return next((place for place in inside if os.path.lexists(place)), inside[0])


def _show(reference: str | Path) -> str:
    text = ascii(str(reference))
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"

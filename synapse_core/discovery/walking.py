"""Finds the folders below a root that may be plugins."""

import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from synapse_core.plugins.files import is_hidden_folder
from synapse_core.plugins.layout import MANIFEST

__all__ = ["find_candidates"]

MAX_DEPTH = 4
"""Folders below a root; deeper ones are reached by making them roots."""

MAX_FOLDERS = 20_000
"""Folders looked at below one root, should it be somebody's whole home."""


def find_candidates(root: Path) -> Iterator[Path]:
    """Yield folders with a `config.yaml`, nearest first; nothing inside of one is looked at.

    Links to folders are not followed. What cannot be read is passed over.
    """
    waiting = deque([(str(root), 0)])
    count = 0
    while waiting and count < MAX_FOLDERS:
        count += 1
        folder, depth = waiting.popleft()
        below: list[str] = []
        is_candidate = False
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name == MANIFEST:
                        is_candidate = True
                    elif entry.is_dir(follow_symlinks=False) and not is_hidden_folder(entry):
                        below.append(entry.path)
        except OSError:
            continue
        if is_candidate:
            yield Path(folder)
        elif depth < MAX_DEPTH:
            waiting.extend((path, depth + 1) for path in sorted(below))

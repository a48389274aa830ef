"""Tells an installation of Synapse from what it was before an upgrade."""

import os
from pathlib import Path

__all__ = ["INSTALLED_AT", "source_stamp"]

INSTALLED_AT = Path(__file__).parents[1]
"""The package whose code this process executes."""


def source_stamp() -> str:
    """Return a text that changes with any module of the package, as it lies on the disk now."""
    newest = 0
    count = 0
    for folder, names, files in os.walk(INSTALLED_AT):
        names[:] = [name for name in names if name not in {"__pycache__", "templates"}]
        for file in files:
            newest = max(newest, os.stat(f"{folder}/{file}").st_mtime_ns)  # noqa: PTH116 - start path
            count += 1
    return f"{newest}:{count}"

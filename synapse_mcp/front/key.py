"""Says what the answers in a record depend on, and where the record is kept.

Nothing is imported to find out: files are told apart by their stamps. Standard library only, and of
that what is quick to import.
"""

import os
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence

__all__ = ["record_folder", "record_key", "record_path"]

_PACKAGES = ("mcp", "mcp_types", "pydantic")
"""What shapes the answers besides our own source."""

_CORE = ("__init__.py", "errors.py", "model/plugin.py", "model/run.py", "model/event.py")
"""Modules of the core whose enumerations and texts are part of the tools' schemas."""


def record_folder(environ: Mapping[str, str]) -> str:
    """Return the folder of all records, in the home's cache."""
    home = environ.get("SYNAPSE_HOME") or os.path.join("~", ".synapse")
    return os.path.join(os.path.expanduser(home), "cache", "mcp-start")


def record_key(flags: Sequence[str]) -> str:
    """Return a text that changes with whatever the answers depend on.

    That is the flags, the version of Python, the installed SDK, and each of our files that an
    answer is made from, prompts included.
    """
    return "\n".join((sys.version, sys.executable, *map(repr, flags), *_stamps()))


def record_path(key: str, environ: Mapping[str, str]) -> str:
    """Return where the record for `key` is kept; it holds the key, to be told from a namesake."""
    name = zlib.crc32(key.encode("utf-8", "surrogateescape"))
    return os.path.join(record_folder(environ), f"{name:08x}.json")


def _stamps() -> Iterator[str]:
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    around = os.path.dirname(package)
    yield from _tree(package)
    yield from _tree(os.path.join(around, "prompts"))
    for name in _CORE:
        yield _stamp(os.path.join(around, "synapse_core", name))
    for name in _PACKAGES:
        for folder in sys.path:
            file = os.path.join(folder, name, "__init__.py")
            if os.path.exists(file):
                yield _stamp(file)
                break


def _tree(folder: str) -> Iterator[str]:
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(set(folders) - {"__pycache__", "example_files"})
        for name in sorted(files):
            if name.endswith((".py", ".md")):
                yield _stamp(os.path.join(here, name))


def _stamp(file: str) -> str:
    try:
        status = os.stat(file)
    except OSError:
        return f"{file}:none"
    return f"{file}:{status.st_mtime_ns}:{status.st_size}"

"""Which files of a folder belong to a plugin, and its source among them."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from synapse_core.plugins.layout import MANIFEST

__all__ = ["MAX_FILES", "PluginFile", "find_files", "is_hidden_folder"]

MAX_FILES = 5000
"""More are not looked at: what is that large is no folder of somebody's actions."""

_SKIPPED = frozenset(
    {"__pycache__", "build", "dist", "env", "node_modules", "site-packages", "venv"}
)
_TEST_FOLDERS = frozenset({"test", "tests"})
_DESCRIBING = frozenset({MANIFEST, "pyproject.toml", "setup.cfg", "setup.py"})


@dataclass(frozen=True, slots=True)
class PluginFile:
    """A file that says something about what the plugin offers or needs.

    Attributes:
        path: Relative to the plugin's folder, with `/`.
        status: Its size and times.
    """

    path: str
    status: os.stat_result

    @property
    def is_source(self) -> bool:
        """Whether actions may stand in it."""
        return self.path.endswith(".py") and self.path != "setup.py"


def find_files(folder: Path) -> list[PluginFile]:
    """Return manifest, requirements and source of a plugin, in a stable order.

    Tests, hidden folders and environments are passed over. Links to folders are not followed, links
    to files only when they stay inside.

    Raises:
        OSError: The folder itself cannot be read.
    """
    found = list(_walk(str(folder), ""))
    return sorted(found, key=lambda file: file.path)


def is_hidden_folder(entry: "os.DirEntry[str]") -> bool:
    """Whether a folder holds nothing that people wrote as source."""
    return (
        entry.name.startswith(".")
        or entry.name in _SKIPPED
        or os.path.lexists(f"{entry.path}/pyvenv.cfg")
    )


def _walk(folder: str, prefix: str) -> Iterator[PluginFile]:
    waiting = [(folder, prefix)]
    count = 0
    while waiting:
        top, above = waiting.pop()
        for entry in _list(top, is_needed=not above):
            path = above + entry.name
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in _TEST_FOLDERS and not is_hidden_folder(entry):
                    waiting.append((entry.path, f"{path}/"))
            elif _is_wanted(entry.name, above) and count < MAX_FILES:
                status = _status(entry, folder)
                if status is not None:
                    count += 1
                    yield PluginFile(path, status)


def _list(folder: str, *, is_needed: bool) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        if is_needed:
            raise
        return []  # a folder inside that nobody may read cannot be imported from either


def _is_wanted(name: str, above: str) -> bool:
    if name.endswith(".py"):
        is_test = name.startswith(("test_", "conftest.")) or name.endswith("_test.py")
        return not name.startswith(".") and not is_test
    is_requirement = name.startswith("requirements") and name.endswith((".txt", ".in"))
    return not above and (name in _DESCRIBING or is_requirement)


def _status(entry: "os.DirEntry[str]", folder: str) -> os.stat_result | None:
    """Return what is known of the file; None when it is none, leads out, or has vanished."""
    try:
        if entry.is_symlink():
            target = os.path.realpath(entry.path)
            inside = os.path.join(os.path.realpath(folder), "")  # noqa: PTH118 called for every link
            status = os.stat(target) if target.startswith(inside) else None  # noqa: PTH116 (as above)
        else:
            status = entry.stat(follow_symlinks=False)
    except OSError:
        return None
    # Reading a pipe would never end. A manifest is told apart where it is read.
    is_file = status is not None and stat.S_ISREG(status.st_mode)
    return status if is_file or entry.name == MANIFEST else None

"""Lets a plugin's modules be imported as they are now, and forgotten again.

Python trusts compiled code whose source has the same size and the same second of change. Whoever
mends a digit right after a run would get the old one. So compiled code of a plugin is neither
trusted nor written before its source has been left alone for a moment.
"""

import contextlib
import importlib
import os
import sys
import time
from collections.abc import Generator, Mapping
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
)
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer
    from _typeshed.importlib import PathEntryFinderProtocol

__all__ = ["KEPT_NAMES", "isolated_modules", "prefer", "top_names"]

_SETTLED_S = 2.0
"""Compiled code tells changes of its source apart by whole seconds."""

KEPT_NAMES = sys.stdlib_module_names | {
    "annotated_types",
    "pydantic",
    "pydantic_core",
    "synapse_core",
    "typing_extensions",
    "typing_inspection",
}
"""What is in use already; a plugin's module of such a name cannot stand in its place."""

_NOT_ITS_OWN = frozenset({"site-packages", "dist-packages"})


class _Loader(SourceFileLoader):
    """Loads source, and compiled code only where it is surely that of the source."""

    def get_data(self, path: str) -> bytes:
        """Return the content of a file; compiled code that may be stale counts as missing."""
        if path.endswith(".pyc") and not self._is_settled(os.stat(path).st_mtime):  # noqa: PTH116 - start path
            raise FileNotFoundError(path)
        return super().get_data(path)

    def set_data(self, path: str, data: "ReadableBuffer", *, _mode: int = 0o666) -> None:
        """Keep compiled code, unless its source might still change within the second."""
        with contextlib.suppress(FileNotFoundError):  # the source was removed a moment ago
            if self._is_settled(time.time()):
                super().set_data(path, data, _mode=_mode)

    def _is_settled(self, compiled_at: float) -> bool:
        return compiled_at - os.stat(self.path).st_mtime >= _SETTLED_S  # noqa: PTH116 - start path


def prefer(folder: Path, root: Path) -> None:
    """Put an import root first, and drop what others imported under the names that it offers.

    A second call for the same plugin changes nothing: its modules are shared by its actions.

    Args:
        folder: The plugin's folder.
        root: The folder that its modules are imported from: the same, or its parent.
    """
    is_known = any(isinstance(hook, _Hook) and hook.folder == folder for hook in sys.path_hooks)
    if is_known and sys.path[0] == str(root):
        return
    sys.path[:] = [str(root), *(entry for entry in sys.path if entry != str(root))]
    _drop(_top_names(folder, root))
    if not is_known:
        sys.path_hooks.insert(0, _Hook(folder))
    _forget_finders(folder)


def _drop(names: Mapping[str, bool]) -> None:
    """Drop modules that stand in the way of the plugin's, with all below them."""
    in_the_way = {
        name
        for name, is_module in names.items()
        if name in sys.modules
        and name not in KEPT_NAMES
        and (is_module or getattr(sys.modules[name], "__file__", None) is None)
    }
    if in_the_way:
        for name in [one for one in sys.modules if one.partition(".")[0] in in_the_way]:
            del sys.modules[name]


@contextlib.contextmanager
def isolated_modules(folder: Path) -> Generator[None]:
    """Undo afterwards what importing a plugin did to this process.

    Its modules are forgotten, those that had their names before are back, and so are `sys.path` and
    its hooks: two plugins with the same module names never meet.

    Args:
        folder: The plugin's folder.
    """
    path, hooks, modules = list(sys.path), list(sys.path_hooks), dict(sys.modules)
    try:
        yield
    finally:
        sys.path[:] = path
        sys.path_hooks[:] = hooks
        for name, module in list(sys.modules.items()):
            if modules.get(name) is not module and (name in modules or _is_of(module, folder)):
                del sys.modules[name]
        for name, module in modules.items():
            sys.modules.setdefault(name, module)
        _forget_finders(folder)


def top_names(folder: Path, root: Path) -> list[str]:
    """Return the names that can be imported from a plugin's import root, in order."""
    return sorted(_top_names(folder, root))


def _top_names(folder: Path, root: Path) -> dict[str, bool]:
    """Return the names, and whether each is a module or package of its own.

    A folder without `__init__.py` is none: an installed library of its name comes before it.
    """
    if root != folder:
        return {folder.name: True}
    found: dict[str, bool] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name.partition(".")[0]
            if not name.isidentifier():
                continue
            if entry.name.endswith((*SOURCE_SUFFIXES, *EXTENSION_SUFFIXES)):
                found[name] = True
            elif entry.is_dir():
                has_init = os.path.exists(f"{entry.path}/__init__.py")  # noqa: PTH110 - start path
                found[name] = found.get(name, False) or has_init
    return found


class _Hook:
    """Makes finders for the folders of one plugin.

    Args:
        folder: The plugin's folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._make = FileFinder.path_hook(
            (ExtensionFileLoader, EXTENSION_SUFFIXES), (_Loader, SOURCE_SUFFIXES)
        )

    def __call__(self, path: str) -> "PathEntryFinderProtocol":
        if not _is_below(path, self.folder):
            raise ImportError("not of this plugin", path=path)
        return self._make(path)


def _forget_finders(folder: Path) -> None:
    for path in [one for one in sys.path_importer_cache if _is_below(one, folder)]:
        del sys.path_importer_cache[path]
    importlib.invalidate_caches()


def _is_of(module: ModuleType, folder: Path) -> bool:
    """Whether a module was loaded from a plugin's folder."""
    spec = getattr(module, "__spec__", None)
    places = [getattr(spec, "origin", None), *(getattr(module, "__path__", None) or ())]
    return any(isinstance(one, str) and _is_below(one, folder) for one in places)


def _is_below(path: str, folder: Path) -> bool:
    if not path.startswith(str(folder)):  # most are not, and this is quick
        return False
    place = Path(path)
    return place.is_relative_to(folder) and _NOT_ITS_OWN.isdisjoint(place.relative_to(folder).parts)

"""The plugins below some folders, found without importing any of them."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from synapse_core.discovery.inspecting import Inspections
from synapse_core.discovery.locating import locate_folder, looks_like_path
from synapse_core.discovery.plugin_json import plugin_from_json, plugin_to_json
from synapse_core.discovery.shelf import Shelf
from synapse_core.discovery.stamps import stamp_files
from synapse_core.discovery.walking import find_candidates
from synapse_core.errors import (
    InvalidInputError,
    ManifestError,
    PluginNotFoundError,
    StorageError,
    nearest,
)
from synapse_core.model.plugin import ActionSpec, Plugin
from synapse_core.plugins.files import PluginFile, find_files
from synapse_core.plugins.layout import MANIFEST
from synapse_core.ports import Inspector
from synapse_core.types import JSONObject

__all__ = ["Catalog"]

_MOST_SHOWN = 200
_MOST_LISTED = 20


@dataclass(frozen=True, slots=True)
class _Look:
    """What was seen in a folder: a plugin, or why there is none."""

    stamp: str
    plugin: Plugin | None = None
    fault: ManifestError | StorageError | None = None

    def open(self) -> Plugin:
        """Return the plugin, or raise what is wrong with it."""
        if self.plugin is not None:
            return self.plugin
        if self.fault is None:
            raise ValueError("a look saw neither a plugin nor a fault")
        # A new one each time: this look is shared by threads, and raising changes an error.
        raise type(self.fault).rebuild(self.fault.message, self.fault.hint, dict(self.fault.data))

    @property
    def is_foreign(self) -> bool:
        """Whether the `config.yaml` belongs to some other program."""
        return self.fault is not None and bool(self.fault.data.get("is_foreign"))


class Catalog:
    """Finds plugins below the roots; every call sees the files as they are.

    Safe to use from several threads, and from several processes with one cache.

    Args:
        roots: Folders to look in; nothing outside of them is touched.
        cache_dir: Where to keep what was found out, until the files change.
    """

    def __init__(self, roots: Sequence[Path], cache_dir: Path) -> None:
        self._roots = tuple(Path(os.path.realpath(root)) for root in roots)
        self._shelf = Shelf(cache_dir / "plugins")
        self._inspections = Inspections(cache_dir)
        self._seen: dict[Path, _Look] = {}

    def plugins(self) -> tuple[Plugin, ...]:
        """Return the plugins that can be read, by code and then by path."""
        found = [look.plugin for look in self._look_around().values() if look.plugin is not None]
        return tuple(sorted(found, key=lambda plugin: (plugin.code, plugin.path)))

    def faults(self) -> tuple[tuple[Path, ManifestError | StorageError], ...]:
        """Return the folders whose manifest is broken, and what is wrong with each."""
        looks = sorted(self._look_around().items())
        return tuple(
            (folder, look.fault)
            for folder, look in looks
            if look.fault is not None and not look.is_foreign
        )

    def find(self, reference: str | Path) -> Plugin:
        """Return the plugin of this code, or in this folder.

        Args:
            reference: A code; or a path, absolute or relative to a root.

        Raises:
            InvalidInputError: Several plugins have this code; names their folders.
            ManifestError: The plugin's manifest is broken.
            PathRefusedError: The path leads out of the roots, or is none.
            PluginNotFoundError: There is no such plugin.
            StorageError: Its manifest may not be read.
        """
        if isinstance(reference, Path) or looks_like_path(reference):
            return self._open(locate_folder(reference, self._roots))
        looks = self._look_around()
        matches = [
            look.plugin
            for look in looks.values()
            if look.plugin is not None and look.plugin.code == reference
        ]
        if len(matches) > 1:
            raise _ambiguous(reference, [plugin.path for plugin in matches])
        if matches:
            return matches[0]
        return self._find_otherwise(reference, looks)

    def locate(self, reference: str | Path) -> Path:
        """Return the folder of a plugin, which may be broken; raises as `find` does otherwise."""
        if isinstance(reference, Path) or looks_like_path(reference):
            folder = locate_folder(reference, self._roots)
            if not os.path.lexists(folder / MANIFEST):
                raise _no_plugin_in(folder)
            return folder
        try:
            return self.find(reference).path
        except (ManifestError, StorageError) as error:
            return Path(str(error.data["path"]))

    def inspect(self, plugin: Plugin, spec: ActionSpec, inspector: Inspector) -> JSONObject:
        """Return what importing an action tells; see `Inspections.inspect`.

        Raises:
            ActionLoadError: It cannot be imported, or is no action.
        """
        return self._inspections.inspect(plugin, spec, inspector)

    def _find_otherwise(self, reference: str, looks: dict[Path, _Look]) -> Plugin:
        """Return what a reference means that is no known code: a folder, or a broken plugin."""
        for folder, look in looks.items():
            if look.fault is not None and reference in (look.fault.data.get("plugin"), folder.name):
                return look.open()
        if reference.strip() and any(self._has_folder(root, reference) for root in self._roots):
            return self._open(locate_folder(reference, self._roots))
        raise _unknown(reference, [look.plugin for look in looks.values() if look.plugin])

    def _has_folder(self, root: Path, name: str) -> bool:
        try:
            return os.path.lexists(root / name / MANIFEST)
        except ValueError:
            return False

    def _open(self, folder: Path) -> Plugin:
        if not os.path.lexists(folder / MANIFEST):
            raise _no_plugin_in(folder)
        return self._look_at(folder).open()

    def _look_around(self) -> dict[Path, _Look]:
        looks: dict[Path, _Look] = {}
        for root in self._roots:
            for folder in find_candidates(root):
                if folder not in looks:
                    looks[folder] = self._look_at(folder)
        return looks

    def _look_at(self, folder: Path) -> _Look:
        """Return what is in a folder, from memory or the cache while its files are the same."""
        try:
            files = find_files(folder)
        except OSError as error:
            return _Look("", fault=_unreadable(folder, error))
        stamp = stamp_files(folder, files)
        look = self._seen.get(folder)
        if look is None or look.stamp != stamp:
            look = self._recall(folder, stamp)
        if look is None:
            look = self._look_anew(folder, files, stamp)
        self._seen[folder] = look
        return look

    def _recall(self, folder: Path, stamp: str) -> _Look | None:
        kept = self._shelf.read(folder, stamp)
        try:
            return _from_json(kept, folder, stamp) if kept is not None else None
        except (AttributeError, KeyError, TypeError, ValueError):  # written by another version
            return None

    def _look_anew(self, folder: Path, files: list[PluginFile], stamp: str) -> _Look:
        # Parsing manifests needs pydantic, which a look into the cache does not pay for.
        from synapse_core.discovery.from_config import describe_plugin  # noqa: PLC0415 - see above

        try:
            look = _Look(stamp, plugin=describe_plugin(folder, files, stamp))
        except StorageError as error:
            return _Look("", fault=error)  # it may be over although no file has changed
        except ManifestError as error:
            look = _Look(stamp, fault=error)
        self._shelf.write(folder, stamp, _to_json(look))
        return look


def _to_json(look: _Look) -> JSONObject:
    if look.plugin is not None:
        return {"plugin": plugin_to_json(look.plugin)}
    fault = look.fault
    if fault is None:
        return {}
    return {"fault": {"message": fault.message, "hint": fault.hint, "data": fault.data}}


def _from_json(kept: JSONObject, folder: Path, stamp: str) -> _Look:
    plugin = kept.get("plugin")
    if isinstance(plugin, dict):
        return _Look(stamp, plugin=plugin_from_json(plugin, folder, stamp))
    fault = kept["fault"]
    if not isinstance(fault, dict) or not isinstance(fault["data"], dict):
        raise TypeError("no fault")
    error = ManifestError.rebuild(str(fault["message"]), str(fault["hint"]), fault["data"])
    return _Look(stamp, fault=error)


def _unreadable(folder: Path, error: OSError) -> StorageError:
    return StorageError(
        f"Cannot read {folder}: {error.strerror}.",
        hint="Check the permissions of the folder.",
        path=str(folder),
    )


def _ambiguous(code: str, folders: Sequence[Path]) -> InvalidInputError:
    listed = ", ".join(str(folder) for folder in folders)
    return InvalidInputError(
        f"{len(folders)} plugins have the code {code!r}: {listed}.",
        hint="Give the path of the folder that you mean, or change one of the codes.",
        plugin=code,
        paths=[str(folder) for folder in folders],
        suggestion=str(folders[0]),
    )


def _no_plugin_in(folder: Path) -> PluginNotFoundError:
    # Not by methods of Path, which raise where a name is too long to exist.
    is_other = os.path.lexists(folder) and not os.path.isdir(folder)  # noqa: PTH112 - as said above
    what = "is no folder" if is_other else f"has no {MANIFEST}"
    return PluginNotFoundError(
        f"There is no plugin at {folder}: it {what}.",
        hint="Give the folder that holds a plugin's config.yaml.",
        path=str(folder),
    )


def _unknown(reference: str, known: Sequence[Plugin]) -> PluginNotFoundError:
    short = reference if len(reference) <= _MOST_SHOWN else f"{reference[:_MOST_SHOWN]}…"
    codes = sorted({plugin.code for plugin in known})
    listed = ", ".join(codes[:_MOST_LISTED]) or "none"
    return PluginNotFoundError(
        f"No plugin has the code {short!a}.",
        hint=f"{nearest(short, codes)} Plugins here: {listed}.".strip(),
        plugin=short,
    )

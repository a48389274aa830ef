"""Whether an action asks for a process that stays, and for which version of its plugin."""

from pathlib import Path

from synapse_core.discovery.stamps import stamp_files
from synapse_core.errors import ManifestError, StorageError
from synapse_core.plugins.files import find_files
from synapse_core.plugins.layout import MANIFEST
from synapse_core.plugins.parsing import load_manifest

__all__ = ["reuse_stamp"]

_known: dict[tuple[Path, str], dict[str, bool]] = {}
"""What manifests say, by folder and version, so that not every run has one parsed."""


def reuse_stamp(folder: Path, action: str) -> str | None:
    """Return what changes with the plugin if the action's process is to be kept; else None."""
    if not (folder / MANIFEST).is_file():
        return None
    stamp = stamp_files(folder, find_files(folder))
    key = (folder, stamp)
    if key not in _known:
        for old in [one for one in _known if one[0] == folder]:
            del _known[old]
        try:
            entries = load_manifest(folder).actions
        except (ManifestError, StorageError):
            return None  # the worker meets it, too, and tells it better
        _known[key] = {name: entry.reuse for name, entry in entries.items()}
    return stamp if _known[key].get(action, False) else None

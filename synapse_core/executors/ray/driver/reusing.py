"""Whether an action asks for a process that stays, and for which version of its plugin."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from synapse_core.discovery.stamps import digest_files, stamp_files
from synapse_core.errors import ManifestError, StorageError
from synapse_core.plugins.files import find_files
from synapse_core.plugins.layout import MANIFEST
from synapse_core.plugins.parsing import load_manifest

__all__ = ["reuse_version"]


@dataclass(frozen=True, slots=True)
class _Known:
    """What was found in a folder, so that not every run has all of it read.

    Attributes:
        stamp: Changes with the files, and may do so without a change of what they hold.
        version: Changes with what the files hold, and only then.
        reused: By action, whether its process is to be kept.
    """

    stamp: str
    version: str
    reused: Mapping[str, bool]


_known: dict[Path, _Known] = {}


def reuse_version(folder: Path, action: str) -> str | None:
    """Return what changes with the plugin if the action's process is to be kept; else None."""
    if not (folder / MANIFEST).is_file():
        return None
    files = find_files(folder)
    stamp = stamp_files(folder, files)
    known = _known.get(folder)
    if known is None or known.stamp != stamp:
        try:
            entries = load_manifest(folder).actions
        except (ManifestError, StorageError):
            return None  # the worker meets it, too, and tells it better
        reused = {name: entry.reuse for name, entry in entries.items()}
        known = _known[folder] = _Known(stamp, digest_files(folder, files), reused)
    return known.version if known.reused.get(action, False) else None

"""Installations of Synapse beside the one under test."""

import sysconfig
import venv
from pathlib import Path


def without(folder: Path, *packages: str) -> Path:
    """Return an interpreter that has what this one has, but for these packages."""
    venv.create(folder, with_pip=False)
    there = site_packages(folder)
    for entry in Path(sysconfig.get_paths()["purelib"]).iterdir():
        if entry.name not in packages:
            (there / entry.name).symlink_to(entry)
    return folder / "bin" / "python"


def site_packages(folder: Path) -> Path:
    """Return where the packages of an environment lie."""
    (there,) = folder.glob("lib/python*/site-packages")
    return there

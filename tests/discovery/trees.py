"""Plugins for the tests of discovery."""

from pathlib import Path
from textwrap import dedent

from synapse_core.discovery.from_ast import scan_source
from synapse_core.model.plugin import ActionSpec
from synapse_core.plugins.files import find_files
from synapse_core.plugins.layout import find_prefix

__all__ = ["HEAD", "make_plugin", "scan_folder", "write"]

HEAD = "from pydantic import BaseModel\nfrom synapse_core import BaseAction, action\n"
"""What most modules with actions begin with."""


def write(folder: Path, files: dict[str, str]) -> Path:
    """Write the files, each without its common indent, and return the folder."""
    for path, text in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text), encoding="utf-8")
    return folder


def make_plugin(folder: Path, code: str = "demo", more: str = "", **modules: str) -> Path:
    """Write a plugin with a manifest and modules, and return its folder."""
    manifest = f"name: {code}\ncode: {code}\n{more}"
    sources = {f"{name}.py": text for name, text in modules.items()}
    return write(folder, {"config.yaml": manifest, **sources})


def scan_folder(folder: Path) -> dict[str, ActionSpec]:
    """Return what is found in the source, by name."""
    found = scan_source(folder, find_files(folder), find_prefix(folder))
    return {spec.name: spec for spec in found}

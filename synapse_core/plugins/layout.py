"""Where the modules of a plugin are imported from.

Two layouts are in use. The folder holds modules and packages (`actions:Run`, `shapes.draw:Draw`);
or the folder itself is the package that its modules name (`my_plugin/config.yaml` beside
`my_plugin/actions.py`, which says `from my_plugin.params import …`).
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

__all__ = ["MANIFEST", "find_import_roots", "find_prefix", "split_entrypoint"]

MANIFEST = "config.yaml"
"""The file that makes a folder a plugin."""

_MOST_READ = 256 << 10
"""Bytes of one file that are searched for imports; they stand at its top."""


def split_entrypoint(entrypoint: str) -> tuple[str, str]:
    """Return module and attribute of `module:attribute` or `module.attribute`."""
    mark = ":" if ":" in entrypoint else "."
    module, _, attribute = entrypoint.rpartition(mark)
    return module.strip(), attribute.strip()


def find_prefix(folder: Path, entrypoints: Iterable[str] = ()) -> str:
    """Return the package that the folder itself is; empty when its modules stand at the top.

    Args:
        folder: The plugin's folder, resolved.
        entrypoints: What the manifest says of its actions; the source decides without them.
    """
    if not _may_be_package(folder):
        return ""
    tops = {split_entrypoint(entrypoint)[0].partition(".")[0] for entrypoint in entrypoints}
    tops.discard("")
    is_package = folder.name in tops if tops else _names_itself(folder)
    return folder.name if is_package else ""


def find_import_roots(folder: Path) -> tuple[Path, ...]:
    """Return the folders that belong on the path of a process that imports the plugin, in order.

    The second one, where there is one, holds other plugins too: it goes behind everything else
    that is the plugin's own.
    """
    is_package = _may_be_package(folder) and _names_itself(folder)
    return (folder, folder.parent) if is_package else (folder,)


def _may_be_package(folder: Path) -> bool:
    inner = folder / folder.name
    has_module = inner.with_name(f"{folder.name}.py").is_file() or inner.is_dir()
    return folder.name.isidentifier() and not has_module


def _names_itself(folder: Path) -> bool:
    """Whether the files of the plugin speak of the folder as of a package."""
    if (folder / "__init__.py").is_file():
        return True
    name = re.escape(folder.name.encode())
    imports = re.compile(rb"^[ \t]*(?:from|import)[ \t]+" + name + rb"\b", re.MULTILINE)
    entrypoint = re.compile(rb"entrypoint['\"]?[ \t]*:[ \t]*['\"]?" + name + rb"[.:]")
    return bool(entrypoint.search(_read(folder / MANIFEST))) or any(
        imports.search(_read(file)) for file in _find_sources(folder)
    )


def _find_sources(folder: Path) -> Iterator[Path]:
    yield from sorted(folder.glob("*.py"))
    yield from sorted(folder.glob("tests/*.py"))


def _read(file: Path) -> bytes:
    try:
        if not file.is_file():  # a pipe would never end
            return b""
        with file.open("rb") as content:
            return content.read(_MOST_READ)
    except OSError:
        return b""  # whoever imports it says why it cannot be read

"""Reads the Python files of a plugin without importing them."""

import ast
import io
import os
import stat
import tokenize
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from synapse_core.plugins.files import PluginFile

__all__ = ["Source", "UnreadSource", "find_module", "name_module", "read_source", "read_sources"]

MAX_SOURCE_BYTES = 2 << 20
"""Generated files beyond that take seconds to parse, and nobody writes actions into them."""


@dataclass(frozen=True, slots=True)
class Source:
    """One module of a plugin.

    Attributes:
        path: Relative to the plugin's folder, with `/`.
        module: Dotted name by which it is imported; empty when no import statement can name it.
        content: What the file holds.
        tree: Its syntax.
    """

    path: str
    module: str
    content: bytes
    tree: ast.Module

    @property
    def is_package(self) -> bool:
        """Whether it is an `__init__.py`."""
        return self.path.rpartition("/")[2] == "__init__.py"

    @property
    def package(self) -> str:
        """The package that relative imports in it start from."""
        return self.module if self.is_package else self.module.rpartition(".")[0]


@dataclass(frozen=True, slots=True)
class UnreadSource:
    """A file that could not be read as Python.

    Attributes:
        path: Relative to the plugin's folder, with `/`.
        module: Dotted name by which it would be imported.
        reason: Why.
        line: Where, from 1; 0 for the whole file.
        column: Where, from 1; 0 for the whole line.
        is_syntax: Whether it is text, but no Python.
        is_too_large: Whether nobody looked: Python itself may well read it.
    """

    path: str
    module: str
    reason: str
    line: int = 0
    column: int = 0
    is_syntax: bool = False
    is_too_large: bool = False


def read_sources(
    folder: Path, files: Iterable[PluginFile], prefix: str = ""
) -> Iterator[Source | UnreadSource]:
    """Yield the modules among a plugin's files, and those that cannot be read.

    Args:
        folder: The plugin's folder.
        files: Its files.
        prefix: Package that the folder itself is; empty when it is the import root.
    """
    for file in files:
        if file.is_source:
            yield read_source(folder, file.path, name_module(file.path, prefix))


def read_source(folder: Path, path: str, module: str) -> Source | UnreadSource:
    """Return one module, or why it cannot be read."""
    content = b""
    try:
        status = (folder / path).stat()
        if not stat.S_ISREG(status.st_mode):
            return UnreadSource(path, module, "it is not a regular file")
        if status.st_size > MAX_SOURCE_BYTES:
            reason = f"it has more than {MAX_SOURCE_BYTES >> 20} MiB"
            return UnreadSource(path, module, reason, is_too_large=True)
        content = (folder / path).read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the user's code; a run tells them
            return Source(path, module, content, ast.parse(content, path))
    except OSError as error:
        return UnreadSource(path, module, error.strerror or str(error))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return _explain(path, module, content, error)


def find_module(folder: Path, name: str, prefix: str = "") -> str:
    """Return the path of the file that an import of the name reads; empty without one.

    Unlike `find_files` it knows no kinds of files and follows links, as an import does.

    Args:
        folder: The plugin's folder.
        name: Dotted name of the module.
        prefix: Package that the folder itself is; empty when it is the import root.
    """
    if prefix and not f"{name}.".startswith(f"{prefix}."):
        return ""
    inner = name[len(prefix) :].strip(".").replace(".", "/")
    for path in (f"{inner}/__init__.py".lstrip("/"), f"{inner}.py"):
        if os.path.lexists(folder / path):
            return path
    return ""


def name_module(path: str, prefix: str) -> str:
    """Return the dotted name by which a file is imported; empty when none is possible."""
    parts = [*(prefix.split(".") if prefix else ()), *path.removesuffix(".py").split("/")]
    if parts[-1] == "__init__":
        parts.pop()
    return ".".join(parts) if all(part.isidentifier() for part in parts) else ""


def _explain(path: str, module: str, content: bytes, error: Exception) -> UnreadSource:
    """Return what keeps bytes from being Python; versions of it tell the same in several ways."""
    if b"\0" in content:
        line = content[: content.index(b"\0")].count(b"\n") + 1
        return UnreadSource(path, module, "it has null bytes", line)
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        content.decode(encoding)
    except UnicodeDecodeError as undecodable:
        line = content[: undecodable.start].count(b"\n") + 1
        return UnreadSource(path, module, f"it is not {undecodable.encoding} text", line)
    except (SyntaxError, LookupError) as undecodable:  # of the line that names the encoding
        return UnreadSource(path, module, str(undecodable), 1)
    if isinstance(error, SyntaxError):
        line, column = error.lineno or 0, error.offset or 0
        return UnreadSource(path, module, error.msg, line, column, is_syntax=True)
    return UnreadSource(path, module, str(error) or "it nests too deeply")

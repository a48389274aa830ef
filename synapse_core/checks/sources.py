"""Reads the Python files of a plugin without importing them."""

import ast
import io
import os
import tokenize
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from synapse_core.model.plugin import Diagnostic

__all__ = ["BrokenSource", "Source", "load_sources"]

MAX_SOURCE_BYTES = 2 << 20
"""Generated files beyond that take seconds to parse, and nobody writes actions into them."""

MAX_SOURCES = 5000

_SKIPPED = frozenset({"__pycache__", "build", "dist", "node_modules", "site-packages", "venv"})
_TEST_FOLDERS = frozenset({"test", "tests"})


@dataclass(frozen=True, slots=True)
class Source:
    """One module of a plugin.

    Attributes:
        path: Relative to the plugin's folder.
        module: Dotted name by which it is imported; empty when no import statement can name it.
        is_package: Whether it is an `__init__.py`.
        tree: Its syntax.
    """

    path: PurePosixPath
    module: str
    is_package: bool
    tree: ast.Module

    @property
    def package(self) -> str:
        """The package that relative imports in it start from."""
        return self.module if self.is_package else self.module.rpartition(".")[0]


@dataclass(frozen=True, slots=True)
class BrokenSource:
    """A file that cannot be read as Python.

    Attributes:
        path: Relative to the plugin's folder.
        module: Dotted name by which it would be imported.
        finding: What is wrong with it.
    """

    path: PurePosixPath
    module: str
    finding: Diagnostic


def load_sources(folder: Path, prefix: str = "") -> tuple[list[Source], list[BrokenSource]]:
    """Return the modules of a plugin, and those that cannot be read.

    Tests, hidden folders and environments are passed over, links are not followed.

    Args:
        folder: The plugin's folder.
        prefix: Package that the folder itself is; empty when it is the import root.
    """
    sources: list[Source] = []
    broken: list[BrokenSource] = []
    for number, path in enumerate(_find_files(folder)):
        if number >= MAX_SOURCES:
            break
        read = _load(folder, path, prefix)
        if isinstance(read, Source):
            sources.append(read)
        else:
            broken.append(BrokenSource(path, _name_module(path, prefix), read))
    return sources, broken


def _find_files(folder: Path) -> Iterator[PurePosixPath]:
    for top, folders, files in os.walk(folder):
        here = PurePosixPath(Path(top).relative_to(folder).as_posix())
        folders[:] = sorted(name for name in folders if _is_searched(Path(top, name)))
        for name in sorted(files):
            is_test = name.startswith(("test_", "conftest.")) or name.endswith("_test.py")
            if name.endswith(".py") and not name.startswith(".") and not is_test:
                yield here / name


def _is_searched(folder: Path) -> bool:
    name = folder.name
    return not (
        name.startswith(".")
        or name in _SKIPPED
        or name in _TEST_FOLDERS
        or folder.is_symlink()
        or (folder / "pyvenv.cfg").exists()
    )


def _load(folder: Path, path: PurePosixPath, prefix: str) -> Source | Diagnostic:
    content = _read(folder / path, path)
    if isinstance(content, Diagnostic):
        return content
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # of the user's code; a run tells them
            tree = ast.parse(content, str(path))
    except SyntaxError as error:
        return Diagnostic(
            code="syntax-error",
            message=f"{error.msg}.",
            file=str(path),
            line=error.lineno or 0,
            column=error.offset or 0,
            fix="Correct the syntax there; the mistake may lie on the line before.",
        )
    except (ValueError, RecursionError, MemoryError) as error:
        return _unreadable(path, str(error) or "it nests too deeply")
    return Source(path, _name_module(path, prefix), path.name == "__init__.py", tree)


def _read(file: Path, path: PurePosixPath) -> bytes | Diagnostic:
    try:
        if not file.is_file():
            return _unreadable(path, "it is not a regular file")
        if file.stat().st_size > MAX_SOURCE_BYTES:
            return _unreadable(path, f"it has more than {MAX_SOURCE_BYTES >> 20} MiB")
        content = file.read_bytes()
    except OSError as error:
        return _unreadable(path, error.strerror or str(error))
    return _find_undecodable(path, content) or content


def _find_undecodable(path: PurePosixPath, content: bytes) -> Diagnostic | None:
    """Return what keeps the bytes from being text; versions of Python tell it in several ways."""
    if b"\0" in content:
        line = content[: content.index(b"\0")].count(b"\n") + 1
        return _unreadable(path, "it has null bytes", line)
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        return _unreadable(path, f"it is not {error.encoding} text", line)
    except (SyntaxError, LookupError) as error:  # of the line that names the encoding
        return _unreadable(path, str(error), 1)
    return None


def _name_module(path: PurePosixPath, prefix: str) -> str:
    parts = [*(prefix.split(".") if prefix else ()), *path.with_suffix("").parts]
    if parts[-1] == "__init__":
        parts.pop()
    return ".".join(parts) if all(part.isidentifier() for part in parts) else ""


def _unreadable(path: PurePosixPath, reason: str, line: int = 0) -> Diagnostic:
    return Diagnostic(
        code="unreadable-source",
        message=f"The file cannot be read as Python: {reason}.",
        file=str(path),
        line=line,
        fix="Save it as UTF-8 text without null bytes, or remove it.",
    )

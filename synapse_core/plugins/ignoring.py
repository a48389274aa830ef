"""Which files of a plugin's folder go along when it is sent to another machine."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from synapse_core.errors import InvalidInputError, StorageError

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

__all__ = ["IGNORE_FILES", "SentFile", "find_sent_files"]

IGNORE_FILES = (".gitignore", ".synapseignore")
"""Read in each folder, in the syntax of Git; the later one and the deeper one count more."""

_DEFAULTS = (
    ".git",
    ".hg",
    ".svn",
    "__pycache__/",
    "*.py[cod]",
    ".venv/",
    "venv/",
    "node_modules/",
    ".pytest_cache/",
    ".mypy_cache/",
    ".ruff_cache/",
    ".hypothesis/",
    ".ipynb_checkpoints/",
    "*.egg-info/",
    ".DS_Store",
    ".env",
    ".env.*",
)
"""Left out unless the folder says otherwise: what is made again, and what holds secrets."""


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file that goes along.

    Attributes:
        name: Its path in the folder, with `/`.
        path: Where it lies.
        status: Its size, times and permissions.
    """

    name: str
    path: Path
    status: os.stat_result


def find_sent_files(folder: Path) -> list[SentFile]:
    """Return the files that go along, sorted by name.

    Links to files are followed when they stay inside the folder; all other links, and what is no
    file, are left out.

    Raises:
        StorageError: A folder cannot be read.
        InvalidInputError: A rule cannot be understood, or a name is no text.
    """
    top = folder.resolve()
    defaults = _Rules("", _spec(_DEFAULTS, "the defaults"))
    return sorted(_walk(top, top, "", (defaults,)), key=lambda file: file.name)


def _walk(top: Path, folder: Path, prefix: str, rules: "tuple[_Rules, ...]") -> Iterator[SentFile]:
    entries = _entries(folder)
    names = {entry.name for entry in entries}
    for file in IGNORE_FILES:
        if file in names:
            rules = (*rules, _Rules(prefix, _read_rules(folder / file)))
    for entry in entries:
        name = prefix + entry.name
        if entry.is_dir(follow_symlinks=False):
            if not _is_ignored(f"{name}/", rules):
                yield from _walk(top, Path(entry.path), f"{name}/", rules)
        elif not _is_ignored(name, rules):
            status = _status(entry, top)
            if status is not None:
                yield SentFile(_checked(name), Path(entry.path), status)


@dataclass(frozen=True, slots=True)
class _Rules:
    """What a file says that stands in a folder: its rules see names from there on."""

    prefix: str
    spec: "GitIgnoreSpec"


def _is_ignored(name: str, rules: "tuple[_Rules, ...]") -> bool:
    for rule in reversed(rules):
        said = rule.spec.check_file(name.removeprefix(rule.prefix)).include
        if said is not None:
            return said
    return False


def _entries(folder: Path) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise StorageError(
            f"Cannot read {folder}: {error.strerror}.",
            hint="Correct its permissions, or name it in .synapseignore.",
            path=str(folder),
        ) from error


def _status(entry: "os.DirEntry[str]", top: Path) -> os.stat_result | None:
    """Return what is known of a file; None when it is none, or leads out of the folder."""
    try:
        if entry.is_symlink():
            target = Path(entry.path).resolve(strict=True)
            return target.stat() if target.is_file() and target.is_relative_to(top) else None
        return entry.stat(follow_symlinks=False) if entry.is_file() else None
    except (OSError, RuntimeError):  # it has just vanished, or the link leads round in a circle
        return None


def _read_rules(file: Path) -> "GitIgnoreSpec":
    try:
        text = file.read_text(encoding="utf-8-sig", errors="surrogateescape")
    except OSError as error:
        raise StorageError(
            f"Cannot read {file}: {error.strerror}.",
            hint="Correct its permissions, or remove it.",
            path=str(file),
        ) from error
    return _spec(text.splitlines(), str(file))


def _spec(lines: "tuple[str, ...] | list[str]", source: str) -> "GitIgnoreSpec":
    # Only sending reads such rules, and nothing on the way to a run on this machine does.
    from pathspec import GitIgnoreSpec  # noqa: PLC0415 - see above

    try:
        # The fastest engine that is installed, which is the default, may take no odd names.
        return GitIgnoreSpec.from_lines(lines, backend="simple")
    except ValueError as error:
        raise InvalidInputError(
            f"{source} holds a rule that cannot be understood: {error}",
            hint="Write it as for .gitignore.",
            path=source,
        ) from error


def _checked(name: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise InvalidInputError(
            f"The name of the file {name!a} is no text, which other machines may refuse.",
            hint="Rename it, or name its folder in .synapseignore.",
        ) from error
    return name

"""Reads what a plugin's files say about the libraries it needs, without judging it.

`requirements.txt` and the `[project]` table of `pyproject.toml` both count; what they ask for is
joined.
"""

import platform
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from synapse_core.model.plugin import Diagnostic, Severity

__all__ = ["Entry", "RequirementFiles", "normalise_name", "read_requirement_files"]

_MAX_BYTES = 1 << 20
_MAX_INCLUDES = 20
_NAME = re.compile(r"(?P<name>[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*(?P<rest>.*)")
_REST = re.compile(r"(?:$|[<>=!~@;(,#])")
_WHEEL = re.compile(r"(?:.*/)?(?P<name>[A-Za-z0-9_.]+)-[^-/]+-.*\.whl")
_COMMENT = re.compile(r"(?:^|\s)#.*$")
_HASH = re.compile(r"\s--hash[= ]\S+")
_OPTION = re.compile(r"(?P<name>--[a-z-]+|-[a-zA-Z])(?:\s*=\s*|\s*)(?P<value>.*)")

_SHORT = {
    "-r": "--requirement",
    "-c": "--constraint",
    "-e": "--editable",
    "-i": "--index-url",
    "-f": "--find-links",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One requirement, and where it stands.

    Attributes:
        text: As written, without comment and hashes.
        name: Of the library, normalised; empty when the text does not tell.
        file: Relative to the plugin's folder.
        line: From 1; 0 when unknown.
        hashes: `sha256:…` of the archives that are allowed; any when empty.
        is_optional: Whether it belongs to an extra that nobody asked for.
    """

    text: str
    name: str
    file: str
    line: int = 0
    hashes: tuple[str, ...] = ()
    is_optional: bool = False

    @property
    def place(self) -> str:
        """The file and, where known, the line."""
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(slots=True)
class RequirementFiles:
    """What the files of one plugin say.

    Attributes:
        entries: What is asked for, in order of appearance.
        constraints: What limits versions without asking for anything.
        options: Further options for the installer, each as (name, value).
        problems: What could not be understood.
        looked_at: Every file that was looked for, missing ones included.
    """

    entries: list[Entry] = field(default_factory=list[Entry])
    constraints: list[Entry] = field(default_factory=list[Entry])
    options: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    problems: list[Diagnostic] = field(default_factory=list[Diagnostic])
    looked_at: list[Path] = field(default_factory=list[Path])


def read_requirement_files(folder: Path) -> RequirementFiles:
    """Return what the plugin in `folder` asks for; what cannot be read is among its problems."""
    found = RequirementFiles()
    _read_text(folder, "requirements.txt", found, found.entries, depth=0)
    _read_project(folder, "pyproject.toml", found)
    return found


def normalise_name(name: str) -> str:
    """Return the name as package indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _read_text(
    folder: Path, file: str, found: RequirementFiles, entries: list[Entry], *, depth: int
) -> None:
    text = _read(folder, file, found)
    for number, line in _logical_lines(text or ""):
        option = _OPTION.fullmatch(line) if line.startswith("-") else None
        if option is not None:
            name = _SHORT.get(option["name"], option["name"])
            _take_option(folder, file, (number, name, option["value"].strip()), found, depth=depth)
            continue
        hashes = tuple(part.split("hash", 1)[1].lstrip("= ") for part in _HASH.findall(line))
        bare = _HASH.sub("", line).strip()
        if bare == ".":
            continue  # the plugin itself: its folder is on the worker's path
        name = _parse_name(bare)
        if not name and "/" not in bare and "://" not in bare:
            message = f"{file} has a line that names no library: {bare[:60]!r}."
            found.problems.append(_unreadable(file, number, message))
            continue
        entries.append(Entry(bare, name, file, number, hashes))


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line that says something, continued lines joined."""
    begun, started_at = "", 0
    for number, line in enumerate([*text.splitlines(), ""], start=1):
        started_at = started_at if begun else number
        bare = _COMMENT.sub("", line)
        if bare.endswith("\\"):
            begun += f"{bare[:-1]} "
            continue
        whole, begun = f"{begun}{bare}".strip(), ""
        if whole:
            yield started_at, whole


def _take_option(
    folder: Path,
    file: str,
    option: tuple[int, str, str],
    found: RequirementFiles,
    *,
    depth: int,
) -> None:
    number, name, value = option
    match name:
        case "--requirement" | "--constraint":
            target = (folder / file).parent / value
            if depth >= _MAX_INCLUDES or not target.resolve().is_relative_to(folder.resolve()):
                message = f"{file} includes {value!r}, which lies outside the plugin's folder."
                found.problems.append(_unreadable(file, number, message))
                return
            inner = str(target.resolve().relative_to(folder.resolve()))
            if not target.is_file():
                message = f"{file} includes {value!r}, which is not there."
                found.problems.append(
                    _unreadable(file, number, message, "Make it or drop the line.")
                )
            entries = found.entries if name == "--requirement" else found.constraints
            _read_text(folder, inner, found, entries, depth=depth + 1)
        case "--editable":
            if (folder / file).parent.joinpath(value).resolve() != folder.resolve():
                message = f"{file} asks for an editable install of {value!r}."
                found.problems.append(
                    _unreadable(file, number, message, "Put a wheel of it into wheels/.")
                )
        case "--find-links" if "://" not in value:
            found.options.append((name, str((folder / file).parent / value)))
        case _:
            found.options.append((name, value))


def _read_project(folder: Path, file: str, found: RequirementFiles) -> None:
    text = _read(folder, file, found)
    if text is None:
        return
    try:
        document: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"at line (\d+)", str(error))
        line = int(at[1]) if at else 0
        found.problems.append(_unreadable(file, line, f"{file} is no TOML: {error}."))
        return
    lines = text.splitlines()
    _check_python(document, file, lines, found)
    for entry, is_optional in _listed(document):
        name = _parse_name(entry)
        line = next((n for n, one in enumerate(lines, start=1) if entry in one), 0)
        if name:
            found.entries.append(Entry(entry, name, file, line, is_optional=is_optional))
        else:
            message = f"{file} has a dependency that names no library: {entry[:60]!r}."
            found.problems.append(_unreadable(file, line, message))


def _check_python(
    document: dict[str, Any], file: str, lines: list[str], found: RequirementFiles
) -> None:
    """Find out whether the project wants another Python than this one, which executes it."""
    wanted = _table(document.get("project")).get("requires-python")
    if not isinstance(wanted, str):
        return
    # Not on the way to a run whose plugin has not changed.
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # noqa: PLC0415 - see above

    line = next((n for n, one in enumerate(lines, start=1) if "requires-python" in one), 0)
    try:
        is_met = SpecifierSet(wanted).contains(platform.python_version(), prereleases=True)
    except InvalidSpecifier:
        message = f"{file} asks for a Python that nobody can have: {wanted[:60]!r}."
        found.problems.append(_unreadable(file, line, message, 'Write it as `">=3.11"`.'))
        return
    if not is_met:
        found.problems.append(
            Diagnostic(
                code="python-mismatch",
                message=f"{file} asks for Python {wanted}; this is {platform.python_version()}.",
                severity=Severity.ERROR,
                file=file,
                line=line,
                fix="Run Synapse with such a Python, or widen `requires-python`.",
            )
        )


def _listed(document: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """Yield the dependencies of a project, and whether they are optional."""
    project = _table(document.get("project"))
    groups = [(project.get("dependencies"), False)]
    groups += [(group, True) for group in _table(project.get("optional-dependencies")).values()]
    for group, is_optional in groups:
        if isinstance(group, list):
            for entry in cast("list[object]", group):
                yield str(entry), is_optional


def _table(value: object) -> dict[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def _read(folder: Path, file: str, found: RequirementFiles) -> str | None:
    path = folder / file
    found.looked_at.append(path)
    try:
        if not path.is_file():
            return None
        if path.stat().st_size > _MAX_BYTES:
            reason = f"it has more than {_MAX_BYTES >> 20} MiB"
        else:
            return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        reason = f"it is not UTF-8 text ({error.reason} at byte {error.start})"
    except OSError as error:
        reason = error.strerror or str(error)
    found.problems.append(_unreadable(file, 0, f"{file} cannot be read: {reason}."))
    return None


def _parse_name(entry: str) -> str:
    wheel = _WHEEL.fullmatch(entry)
    if wheel:
        return normalise_name(wheel["name"])
    found = _NAME.fullmatch(entry)
    return normalise_name(found["name"]) if found and _REST.match(found["rest"]) else ""


def _unreadable(
    file: str, line: int, message: str, fix: str = "Write one requirement a line: `pillow>=11`."
) -> Diagnostic:
    return Diagnostic(
        code="requirements-unreadable",
        message=message,
        severity=Severity.ERROR,
        file=file,
        line=line,
        fix=fix,
    )

"""How a plugin's virtual environment is made, and the key under which it is found again."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from synapse_core.dependencies.base import describe_interpreter, is_satisfied, runtime_versions
from synapse_core.dependencies.requirement_files import Entry
from synapse_core.dependencies.wanted import InstallerChoice, Wanted
from synapse_core.errors import DependencyError

__all__ = ["Recipe", "make_recipe"]

_LINKS = "--find-links"

_MADE = re.compile(r"__pycache__|build|dist|\..*|.*\.egg-info")
"""What tools write into a source folder; a build must not change its own key."""

_LAYOUT = 1
"""Part of the key: raised when environments are made in another way than before."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to install, and how.

    Attributes:
        key: The same for recipes that make the same environment.
        entries: What to install.
        fixed: Lines that fix the versions that the worker needs.
        constraints: Lines that limit versions further.
        options: Lines of options for the installer.
        installer: The wish of the plugin.
        links: Folders and pages with archives, the plugin's own wheels first.
        has_all_wheels: Whether each entry has a wheel of its name there.
    """

    key: str
    entries: tuple[Entry, ...]
    fixed: tuple[str, ...]
    constraints: tuple[str, ...]
    options: tuple[str, ...]
    installer: InstallerChoice
    links: tuple[str, ...]
    has_all_wheels: bool

    def requirement_lines(self) -> Iterator[str]:
        """Yield what stands in the file that the installer reads."""
        yield from self.options
        for entry in self.entries:
            # An address, since the two installers do not agree on how a space is written in a path.
            is_path = entry.text.startswith("/")
            text = Path(entry.text).as_uri() if is_path else entry.text
            yield " ".join([text, *(f"--hash={one}" for one in entry.hashes)])


def make_recipe(wanted: Wanted) -> Recipe | None:
    """Return how to provide what is wanted; None when this interpreter already does.

    Raises:
        DependencyError: A requirement cannot be understood, or contradicts what a worker needs.
    """
    applying = [
        (entry, requirement)
        for entry, requirement in ((one, _parse(one)) for one in wanted.entries)
        if requirement is None or requirement.marker is None or requirement.marker.evaluate()
    ]
    if all(one is not None and is_satisfied(one) for _, one in applying):
        return None
    pins = runtime_versions()
    is_hashed = any(entry.hashes for entry in wanted.entries)
    entries: list[Entry] = []
    for entry, requirement in applying:
        if requirement is not None and entry.name in pins:
            _require_agreement(entry, requirement, pins[entry.name])
            # The worker's own serves. With hashes, though, the installer wants the list complete.
            if entry.name == "synapse-mcp" or (not is_hashed and is_satisfied(requirement)):
                continue
        entries.append(entry)
    vendored = {wheel.name.partition("-")[0].lower().replace("_", "-") for wheel in wanted.wheels}
    fixed = [f"{name}=={version}" for name, version in pins.items() if name != "synapse-mcp"]
    constraints = [one.text for one in wanted.constraints]
    return Recipe(
        key=_key(entries, constraints, wanted, pins),
        entries=tuple(entries),
        fixed=tuple(fixed),
        constraints=tuple(constraints),
        options=tuple(
            f"{name} {value}".strip() for name, value in wanted.options if name != _LINKS
        ),
        installer=wanted.installer,
        links=tuple(_links(wanted)),
        has_all_wheels=all(entry.name in vendored for entry in entries),
    )


def _links(wanted: Wanted) -> Iterator[str]:
    if wanted.wheels_dir is not None:
        yield str(wanted.wheels_dir)
    yield from (value for name, value in wanted.options if name == _LINKS)


def _parse(entry: Entry) -> Requirement | None:
    """Return the requirement; None for an address or a path, which name what they mean."""
    if entry.text.startswith("/") or "://" in entry.text.partition(" @ ")[0]:
        return None
    try:
        return Requirement(entry.text)
    except InvalidRequirement as error:
        raise DependencyError(
            f"{entry.place} asks for {entry.text!r}, which is no requirement: {error}.",
            hint="Write the name and the versions, such as `pillow>=11`.",
            requirement=entry.text,
            file=entry.file,
            line=entry.line,
        ) from error


def _require_agreement(entry: Entry, requirement: Requirement, version: str) -> None:
    if requirement.url is None and requirement.specifier.contains(version, prereleases=True):
        return
    raise DependencyError(
        f"{entry.place} asks for {entry.text!r}, but Synapse itself runs with {version}.",
        hint=f"Ask for a range that {entry.name} {version} meets. Its worker shares this library "
        "with the plugin, so there can be only one.",
        requirement=entry.text,
        file=entry.file,
        line=entry.line,
    )


def _key(
    entries: list[Entry], constraints: list[str], wanted: Wanted, pins: Mapping[str, str]
) -> str:
    content = {
        "layout": _LAYOUT,
        "interpreter": describe_interpreter(),
        "pins": dict(pins),
        "requirements": sorted(_identify(entry) for entry in entries),
        "constraints": sorted(constraints),
        "options": [
            [name, Path(value).name if value.startswith("/") else value]
            for name, value in wanted.options
        ],
        "installer": [wanted.installer.manager, *wanted.installer.options],
        "wheels": sorted([wheel.name, _digest(wheel)] for wheel in wanted.wheels),
    }
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:24]


def _identify(entry: Entry) -> str:
    """Return the same text for the same library, wherever a local one lies."""
    if entry.text.startswith("/"):
        path = Path(entry.text)
        return f"{path.name} {_digest(path)}"
    return " ".join([entry.text, *sorted(entry.hashes)])


def _digest(path: Path) -> str:
    """Return the digest of a file, or of all the files in a folder that a person wrote."""
    digest = sha256()
    for file in [path] if path.is_file() else sorted(path.rglob("*")):
        parts = file.relative_to(path).parts
        if not file.is_file() or any(_MADE.fullmatch(part) for part in parts):
            continue
        digest.update(f"{file.relative_to(path.parent)}\0{file.stat().st_size}\0".encode())
        with file.open("rb") as content:
            while chunk := content.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()

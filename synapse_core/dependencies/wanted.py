"""What a plugin wants to have installed, read from all the files that may tell."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

import yaml
from packaging.tags import sys_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

from synapse_core.dependencies.requirement_files import (
    Entry,
    RequirementFiles,
    normalise_name,
    read_requirement_files,
)
from synapse_core.errors import DependencyError

__all__ = ["InstallerChoice", "Wanted", "read_wanted"]

_KEYS = (b"package_manager", b"wheels_dir")


@dataclass(frozen=True, slots=True)
class InstallerChoice:
    """How `config.yaml` wants libraries installed.

    Attributes:
        manager: The program; empty when the plugin does not care.
        options: Further options for it.
        wheels_dir: Folder of wheels that come with the plugin, relative to it.
    """

    manager: Literal["", "uv", "pip"] = ""
    options: tuple[str, ...] = ()
    wheels_dir: str = "wheels"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a plugin wants to have installed.

    Attributes:
        entries: The requirements, those of its wheels included; paths are absolute.
        constraints: What limits versions further.
        options: Options of its requirement files, each as (name, value).
        installer: How to install.
        wheels: The plugin's own wheels.
        wheels_dir: The folder they lie in; None when it has none.
        looked_at: Everything whose change may change this.
    """

    entries: tuple[Entry, ...]
    constraints: tuple[Entry, ...]
    options: tuple[tuple[str, str], ...]
    installer: InstallerChoice
    wheels: tuple[Path, ...]
    wheels_dir: Path | None
    looked_at: tuple[Path, ...]


def read_wanted(folder: Path) -> Wanted:
    """Return what the plugin in `folder` asks for.

    Raises:
        DependencyError: A line cannot be understood; names file and line.
    """
    files = read_requirement_files(folder)
    for problem in files.problems:
        raise DependencyError(
            problem.message, hint=problem.fix, file=problem.file, line=problem.line
        )
    installer = _read_installer(folder)
    place = folder / installer.wheels_dir
    wheels = tuple(sorted(place.glob("*.whl"))) if place.is_dir() else ()
    entries = [_locate(folder, one) for one in files.entries if not one.is_optional]
    asked = {one.name for one in entries}
    entries += [one for one in _from_wheels(folder, wheels) if one.name not in asked]
    return Wanted(
        entries=tuple(entries),
        constraints=tuple(files.constraints),
        options=tuple(files.options),
        installer=installer,
        wheels=wheels,
        wheels_dir=place if wheels else None,
        looked_at=_watched(folder, files, place, wheels, entries),
    )


def _watched(
    folder: Path,
    files: RequirementFiles,
    place: Path,
    wheels: tuple[Path, ...],
    entries: list[Entry],
) -> tuple[Path, ...]:
    local = [Path(one.text) for one in entries if one.text.startswith("/")]
    return (*files.looked_at, folder / "config.yaml", place, *wheels, *local)


def _locate(folder: Path, entry: Entry) -> Entry:
    """Return the entry with the path it may name made absolute."""
    text = entry.text.removeprefix("file:").split(";")[0].strip()
    if "://" in entry.text or " @ " in entry.text:
        return entry
    path = (folder / entry.file).parent / text
    return replace(entry, text=str(path.resolve())) if _is_path(text) and path.exists() else entry


def _is_path(text: str) -> bool:
    return "/" in text or text.endswith((".whl", ".zip", ".tar.gz")) or text == "."


def _from_wheels(folder: Path, wheels: tuple[Path, ...]) -> list[Entry]:
    """Return one requirement for each library that only the plugin's wheels name."""
    fitting = frozenset(sys_tags() if wheels else ())
    best: dict[str, tuple[Version, str]] = {}
    names: dict[str, str] = {}
    for wheel in wheels:
        file = str(wheel.relative_to(folder))
        try:
            name, version, _, tags = parse_wheel_filename(wheel.name)
        except InvalidWheelFilename as error:
            raise DependencyError(
                f"{file} is not named as a wheel is: {error}.",
                hint="Keep the name it was built or downloaded with.",
                file=file,
            ) from error
        names.setdefault(normalise_name(name), file)
        if tags & fitting:
            best[name] = max(best.get(name, (Version("0.dev0"), "")), (version, file))
    for name, file in names.items():
        if name not in best:
            raise DependencyError(
                f"No wheel of {name!r} fits this machine and this Python; there is {file}.",
                hint="Add a wheel for this platform, or name the library in requirements.txt.",
                requirement=name,
                file=file,
            )
    return [Entry(f"{name}=={version}", name, file) for name, (version, file) in best.items()]


def _read_installer(folder: Path) -> InstallerChoice:
    try:
        text = (folder / "config.yaml").read_bytes()
    except FileNotFoundError:
        return InstallerChoice()
    if not any(key in text for key in _KEYS):
        return InstallerChoice()
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise DependencyError(
            f"config.yaml cannot be read: {error}", hint="Run `synapse plugin check`."
        ) from error
    fields = cast("dict[str, Any]", document) if isinstance(document, dict) else {}
    manager = fields.get("package_manager") or ""
    options: object = fields.get("package_manager_options") or []
    wheels_dir = str(fields.get("wheels_dir") or "wheels")
    if manager not in {"", "uv", "pip"} or not isinstance(options, list):
        raise DependencyError(
            f"config.yaml asks for the package manager {manager!r} with {options!r}.",
            hint="package_manager is `uv` or `pip`, package_manager_options a list of texts.",
        )
    if not (folder / wheels_dir).resolve().is_relative_to(folder.resolve()):
        raise DependencyError(
            f"wheels_dir {wheels_dir!r} lies outside the plugin's folder.",
            hint="Name a folder inside it, such as `wheels`.",
        )
    return InstallerChoice(
        manager, tuple(str(one) for one in cast("list[Any]", options)), wheels_dir
    )

"""Reads which libraries a plugin asks for, and tells which are installed."""

import importlib.machinery
import os
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from synapse_core.model.plugin import Diagnostic, Severity

__all__ = ["Requirements", "find_installed", "load_requirements", "name_distribution"]

_MAX_BYTES = 1 << 20
_MAX_INCLUDES = 20
_NAME = re.compile(r"(?P<name>[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*(?P<rest>.*)")
_REST = re.compile(r"(?:$|[<>=!~@;(,#])")
_WHEEL = re.compile(r"(?:.*/)?(?P<name>[A-Za-z0-9_.]+)-[^-/]+-.*\.whl")
_COMMENT = re.compile(r"(?:^|\s)#.*$")

_DISTRIBUTIONS = {
    "Crypto": "pycryptodome",
    "PIL": "pillow",
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "fitz": "pymupdf",
    "git": "gitpython",
    "google": "protobuf",
    "jwt": "pyjwt",
    "magic": "python-magic",
    "pptx": "python-pptx",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "usb": "pyusb",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
}
"""Libraries that are imported by another name than they are installed by."""


@dataclass(frozen=True, slots=True)
class Requirements:
    """The libraries that a plugin asks for.

    Attributes:
        names: Their names, normalised.
        file: Where the next one is to be added.
    """

    names: frozenset[str]
    file: str

    def has(self, package: str) -> bool:
        """Whether the import package is asked for."""
        wanted = {_normalise(package), _normalise(name_distribution(package))}
        # Variants of one library: opencv-python-headless, tensorflow-cpu, google-cloud-storage.
        return any(
            name in wanted or any(name.startswith(f"{one}-") for one in wanted)
            for name in self.names
        )


def name_distribution(package: str) -> str:
    """Return what to install to import the package."""
    return _DISTRIBUTIONS.get(package, package)


def find_installed(package: str, folder: Path) -> bool:
    """Whether a worker could import the package from elsewhere than the plugin's folder."""
    if package in sys.builtin_module_names or package in sys.stdlib_module_names:
        return True
    here = {"", os.getcwd(), str(folder), str(folder.parent)}  # noqa: PTH109 as sys.path says it
    path = [entry for entry in sys.path if entry not in here]
    spec = importlib.machinery.PathFinder.find_spec(package, path)
    if spec is None:
        spec = _ask_other_finders(package)
    if spec is None:
        return False
    origins = [spec.origin or "", *(spec.submodule_search_locations or ())]
    # A folder of this name anywhere on the path is a namespace package, but nothing installed.
    return spec.origin is not None and not any(
        Path(origin).is_relative_to(folder) for origin in origins if origin
    )


def load_requirements(folder: Path) -> tuple[Requirements, list[Diagnostic]]:
    """Return what the plugin's files ask for, and what is wrong with them."""
    findings: list[Diagnostic] = []
    names: set[str] = set()
    for file in ("requirements.txt", "pyproject.toml"):
        text = _read(folder, file, findings)
        if text is not None:
            read = _from_text if file.endswith(".txt") else _from_project
            names.update(read(folder, file, text, findings))
    names.update(_from_wheels(folder))
    has_text = (folder / "requirements.txt").exists() or not (folder / "pyproject.toml").exists()
    target = "requirements.txt" if has_text else "the dependencies of pyproject.toml"
    return Requirements(frozenset(_normalise(name) for name in names), target), findings


def _ask_other_finders(package: str) -> importlib.machinery.ModuleSpec | None:
    """Ask those that serve editable installs; the usual ones were asked with a path of ours."""
    usual = {"PathFinder", "BuiltinImporter", "FrozenImporter"}
    for finder in sys.meta_path:
        name = getattr(finder, "__name__", type(finder).__name__)
        find_spec = getattr(finder, "find_spec", None)
        if name not in usual and find_spec is not None:
            spec = find_spec(package, None)
            if isinstance(spec, importlib.machinery.ModuleSpec):
                return spec
    return None


def _read(folder: Path, file: str, findings: list[Diagnostic]) -> str | None:
    path = folder / file
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
    findings.append(_unreadable(file, 0, f"{file} cannot be read: {reason}."))
    return None


def _from_text(
    folder: Path, file: str, text: str, findings: list[Diagnostic], *, depth: int = 0
) -> Iterator[str]:
    for number, line in enumerate(text.replace("\\\n", " ").splitlines(), start=1):
        entry = _COMMENT.sub("", line).strip()
        if not entry:
            continue
        if entry.startswith(("-r ", "--requirement ")) and depth < _MAX_INCLUDES:
            included = entry.split(maxsplit=1)[1]
            if (folder / included).resolve().is_relative_to(folder):
                inner = _read(folder, included, findings) or ""
                yield from _from_text(folder, included, inner, findings, depth=depth + 1)
        elif not entry.startswith("-"):
            name = _parse_name(entry)
            if name:
                yield name
            elif "/" not in entry and "://" not in entry:
                message = f"{file} has a line that names no library: {entry[:60]!r}."
                findings.append(_unreadable(file, number, message))


def _from_project(_folder: Path, file: str, text: str, findings: list[Diagnostic]) -> Iterator[str]:
    try:
        document: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        line = int(found[1]) if found else 0
        findings.append(_unreadable(file, line, f"{file} is no TOML: {error}."))
        return
    for entry in _listed(document):
        name = _parse_name(str(entry))
        if name:
            yield name
        else:
            message = f"{file} has a dependency that names no library: {str(entry)[:60]!r}."
            findings.append(_unreadable(file, 0, message))


def _listed(document: dict[str, Any]) -> list[object]:
    """Return the dependencies of a project, optional ones included."""
    project = _table(document.get("project"))
    groups: list[object] = [project.get("dependencies")]
    groups += _table(project.get("optional-dependencies")).values()
    return [entry for group in groups if isinstance(group, list) for entry in cast("Any", group)]


def _table(value: object) -> dict[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def _from_wheels(folder: Path) -> Iterator[str]:
    for wheel in (folder / "wheels").glob("*.whl"):
        yield wheel.name.partition("-")[0]


def _parse_name(entry: str) -> str:
    wheel = _WHEEL.fullmatch(entry)
    if wheel:
        return wheel["name"]
    found = _NAME.fullmatch(entry)
    return found["name"] if found and _REST.match(found["rest"]) else ""


def _normalise(name: str) -> str:
    """Return the name as package indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _unreadable(file: str, line: int, message: str) -> Diagnostic:
    return Diagnostic(
        code="requirements-unreadable",
        message=message,
        severity=Severity.WARNING,
        file=file,
        line=line,
        fix="Write one requirement a line, such as `pillow>=11`.",
    )

"""What the Python that Synapse itself runs in offers to plugins."""

import functools
import importlib.metadata
import site
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from synapse_core.dependencies.requirement_files import normalise_name

__all__ = ["describe_interpreter", "is_satisfied", "runtime_versions", "site_folders"]

RUNTIME = ("synapse-mcp", "pydantic", "psutil")
"""What a worker imports before it comes to the plugin; its other libraries follow from these."""


def site_folders() -> list[str]:
    """Return the folders in which libraries are installed for this interpreter."""
    found = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), *site.getsitepackages()]
    if site.ENABLE_USER_SITE:
        found.append(site.getusersitepackages())
    return list(dict.fromkeys(folder for folder in found if Path(folder).is_dir()))


def describe_interpreter() -> str:
    """Return what tells this interpreter and its kind of machine from others."""
    return f"{sys.executable} {sys.version} {sysconfig.get_platform()} {' '.join(site_folders())}"


@functools.lru_cache(maxsize=1)
def runtime_versions() -> Mapping[str, str]:
    """Return the versions, by name, of what a worker cannot do without.

    They are the same for every plugin: a worker that imported another pydantic than the one it was
    written for would fail in ways that no plugin's author could understand.
    """
    versions: dict[str, str] = {}
    waiting = list(RUNTIME)
    while waiting:
        name = normalise_name(waiting.pop())
        if name in versions:
            continue
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # a checkout is no installed distribution
        versions[name] = distribution.version
        if name != "synapse-mcp":  # the doors' own libraries are no matter of a worker
            waiting += [one.name for one in _needs(distribution, "")]
    return versions


def is_satisfied(requirement: Requirement) -> bool:
    """Whether this interpreter can import what is asked for, with all that it needs in turn."""
    return _is_satisfied(requirement, set())


def _is_satisfied(requirement: Requirement, seen: set[str]) -> bool:
    if requirement.url is not None:
        return False
    token = f"{normalise_name(requirement.name)}[{','.join(sorted(requirement.extras))}]"
    try:
        distribution = importlib.metadata.distribution(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return False
    if not requirement.specifier.contains(distribution.version, prereleases=True):
        return False
    if token in seen:
        return True
    seen.add(token)
    return all(
        _is_satisfied(one, seen)
        for extra in ("", *requirement.extras)
        for one in _needs(distribution, extra)
    )


def _needs(distribution: importlib.metadata.Distribution, extra: str) -> Iterator[Requirement]:
    """Yield what the installed distribution asks for here, with the extra."""
    for text in distribution.requires or ():
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue  # of another time; the installer took it, too
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            yield requirement

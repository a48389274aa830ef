"""Finds out what is wrong with an installation, and what to do about it."""

import importlib.metadata
import platform
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from synapse_core.config.home import Home
from synapse_core.errors import SynapseError
from synapse_core.operations.doctor import (
    clusters,
    deployments,
    installation,
    libraries,
    runtime,
    service,
)
from synapse_core.operations.doctor.findings import Finding, FindingLevel
from synapse_core.version import __version__
from synapse_core.workspace import Workspace, open_workspace

__all__ = ["DoctorReport", "Finding", "FindingLevel", "examine"]

_LIBRARIES = ("mcp", "pydantic", "typer", "rich", "psutil", "jinja2", "ruamel.yaml", "pyyaml", "uv")


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorReport:
    """What was found.

    Attributes:
        is_healthy: Whether no finding is an error.
        versions: Of Synapse, Python, the system, and the libraries that are installed.
        findings: In the order in which things were looked at.
    """

    is_healthy: bool
    versions: dict[str, str]
    findings: tuple[Finding, ...]


def examine(home: Home, roots: Sequence[Path], *, environ: Mapping[str, str]) -> DoctorReport:
    """Look at everything; what is broken keeps nothing else from being looked at.

    Runs whose worker died are settled on the way. Takes about a second, most of it for a store of
    many runs.

    Args:
        home: Where runs and configuration are kept.
        roots: Folders in which plugins are looked for.
        environ: Variables of this process.
    """
    findings = tuple(_look(home, roots, environ))
    return DoctorReport(
        is_healthy=all(finding.level is not FindingLevel.ERROR for finding in findings),
        versions=_versions(),
        findings=findings,
    )


def _look(home: Home, roots: Sequence[Path], environ: Mapping[str, str]) -> Iterator[Finding]:
    yield from _guarded("home", partial(installation.check_home, home))
    yield from _guarded("configuration", partial(installation.check_configuration, home, environ))
    yield from _guarded("audit", partial(installation.check_audit, home))
    yield from _guarded("store", partial(runtime.check_store, home))
    yield from _guarded("libraries", partial(libraries.check_libraries, home))
    yield from _guarded("workspace", partial(_look_inside, home, roots, environ))
    yield from _guarded("service", partial(service.check_service, home, environ))
    yield from _guarded("ray", partial(clusters.check_ray, home, environ))
    yield from _guarded("deployments", partial(deployments.check_deployments, home, environ))
    yield from _guarded("watching", installation.check_watching)
    yield from _guarded("program", installation.check_program)
    yield from _guarded("extras", installation.check_extras)
    yield from _guarded("clients", partial(installation.check_clients, environ))


def _look_inside(
    home: Home, roots: Sequence[Path], environ: Mapping[str, str]
) -> Iterator[Finding]:
    checks: dict[str, Callable[[Workspace], Iterable[Finding]]] = {
        "worker": runtime.check_worker,
        "runs": runtime.check_runs,
        "plugins": runtime.check_plugins,
    }
    with open_workspace(home.root, roots, environ=environ) as workspace:
        for name, check in checks.items():
            yield from _guarded(name, partial(check, workspace))


def _guarded(name: str, check: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """Yield what a check finds; the error that ends it is a finding, too."""
    try:
        yield from check()
    except (SynapseError, OSError) as error:
        is_ours = isinstance(error, SynapseError)
        yield Finding(
            check=name,
            level=FindingLevel.ERROR,
            message=error.message if is_ours else str(error),
            fix=error.hint if is_ours else "Correct it, then look again.",
        )


def _versions() -> dict[str, str]:
    versions = {
        "synapse": __version__,
        "python": platform.python_version(),
        "executable": sys.executable,
        "system": platform.platform(),
    }
    for name in _LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions

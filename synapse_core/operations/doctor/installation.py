"""Looks at what is installed and configured: nothing is started, no store is opened."""

import importlib.metadata
import os
import re
import shutil
import stat
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from synapse_core.config.home import Home
from synapse_core.config.settings import load_settings
from synapse_core.errors import ConfigError
from synapse_core.operations.clients import list_client_statuses, this_machine
from synapse_core.operations.doctor.findings import Finding, FindingLevel
from synapse_core.runs.wake import find_obstacle

__all__ = [
    "DISTRIBUTION",
    "check_audit",
    "check_clients",
    "check_configuration",
    "check_extras",
    "check_home",
    "check_program",
    "check_watching",
]

DISTRIBUTION = "synapse-mcp"

_FEW_BYTES = 1_000_000_000
_TOO_FEW_BYTES = 100_000_000
"""A run needs little, but a full disk ends it without a result."""

_REQUIRED_NAME = re.compile(r"[A-Za-z0-9._-]+")
_OTHERS = stat.S_IRWXG | stat.S_IRWXO

OK, INFO = FindingLevel.OK, FindingLevel.INFO
WARNING, ERROR = FindingLevel.WARNING, FindingLevel.ERROR


def check_home(home: Home) -> Iterator[Finding]:
    """Look whether the home is there, private and writable, and has room."""
    home.ensure()
    mode = stat.S_IMODE(home.root.stat().st_mode)
    probe = home.cache_dir / f".doctor-{os.getpid()}"
    try:
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        yield Finding(
            check="home",
            level=ERROR,
            message=f"{home.root} cannot be written: {error.strerror}.",
            fix="Correct its permissions, free disk space, or point SYNAPSE_HOME elsewhere.",
        )
        return
    if os.name == "posix" and mode & _OTHERS:
        yield Finding(
            check="home",
            level=WARNING,
            message=f"Other users may look into {home.root} (mode {mode:04o}), which holds "
            "params, results and tokens.",
            fix=f"chmod 700 {home.root}",
        )
    else:
        yield Finding(check="home", level=OK, message=f"{home.root} is private and writable.")
    yield _check_room(home)


def check_audit(home: Home) -> Iterator[Finding]:
    """Look whether changes that clients make can be recorded."""
    file = home.audit_file
    if not os.path.lexists(file):
        return
    is_file = file.is_file() and not file.is_symlink()
    if is_file and os.access(file, os.W_OK):
        yield Finding(
            check="audit", level=OK, message=f"What MCP clients change is recorded in {file}."
        )
        return
    what = "cannot be written" if is_file else "is no file"
    yield Finding(
        check="audit",
        level=WARNING,
        message=f"{file} {what}, so what MCP clients change is not recorded.",
        fix="Move it away; the next change begins a new one.",
    )


def _check_room(home: Home) -> Finding:
    free = shutil.disk_usage(home.root).free
    level = ERROR if free < _TOO_FEW_BYTES else WARNING if free < _FEW_BYTES else OK
    return Finding(
        check="disk",
        level=level,
        message=f"{free / 1e9:.1f} GB are free where runs are kept.",
        fix="" if level is OK else "Free disk space, or remove old runs: synapse run prune --all",
        facts={"free_bytes": free},
    )


def check_configuration(home: Home, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look whether the configuration can be read, is private, and says what is meant."""
    file = home.config_file
    try:
        settings = load_settings(file)
    except ConfigError as error:
        yield Finding(check="configuration", level=ERROR, message=error.message, fix=error.hint)
        return
    has_tokens = any(known.token is not None for known in settings.environments.values())
    if os.name == "posix" and has_tokens and file.stat().st_mode & _OTHERS:
        yield Finding(
            check="configuration",
            level=WARNING,
            message=f"Other users may read {file}, which holds tokens.",
            fix=f"chmod 600 {file}",
        )
    for unknown in settings.unknown:
        yield Finding(
            check="configuration",
            level=WARNING,
            message=f"{file}, line {unknown.line}: {unknown.key} means nothing to this version.",
            fix=unknown.hint or "Remove it, or update Synapse.",
        )
    for folder in settings.plugin_folders:
        if not folder.is_dir():
            yield Finding(
                check="configuration",
                level=WARNING,
                message=f"The registered plugin folder {folder} is not there.",
                fix=f"Bring it back, or: synapse plugin unregister {folder}",
            )
    active = settings.environment()
    variable = active.token_variable if active is not None else None
    if variable and not environ.get(variable):
        yield Finding(
            check="configuration",
            level=WARNING,
            message=f"The active environment takes its token from {variable}, which is not set.",
            fix=f"export {variable}=…",
        )
    count = len(settings.environments)
    yield Finding(
        check="configuration",
        level=OK,
        message=f"{count} environments; active: {active.name if active else 'none'}.",
        facts={"environments": count, "active": active.name if active else None},
    )


def check_program() -> Iterator[Finding]:
    """Look whether the shell finds the program that is running."""
    here = Path(sys.executable).parent
    found = shutil.which("synapse-mcp")
    if found is not None and Path(found).parent != here:
        yield Finding(
            check="program",
            level=INFO,
            message=f"The shell finds another installation: {found}; this one is in {here}.",
            fix="Call the one you mean by its path, or put its folder first in PATH.",
        )
    else:
        yield Finding(check="program", level=OK, message=f"This installation is in {here}.")


def check_extras() -> Iterator[Finding]:
    """Look which optional parts can be used."""
    try:
        declared = importlib.metadata.metadata(DISTRIBUTION).get_all("Provides-Extra") or []
    except importlib.metadata.PackageNotFoundError:
        return  # run from source, without an installation
    required = importlib.metadata.requires(DISTRIBUTION) or []
    for extra in sorted(declared):
        needed = [_name(line) for line in required if _is_for(line, extra)]
        missing = [name for name in needed if not _is_installed(name)]
        yield Finding(
            check="extras",
            level=INFO if missing else OK,
            message=f"{extra}: {'not installed' if missing else 'installed'}.",
            fix=f"If you need it: pip install '{DISTRIBUTION}[{extra}]'" if missing else "",
            facts={"extra": extra, "missing": list(missing)},
        )


def _is_for(requirement: str, extra: str) -> bool:
    marker = requirement.partition(";")[2].replace('"', "'")
    return f"extra == '{extra}'" in marker


def _name(requirement: str) -> str:
    return (
        requirement.partition(";")[0]
        .strip()
        .split("[")[0]
        .split(" ")[0]
        .rstrip("<>=!~.0123456789,")
    )


def _is_installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def check_watching() -> Iterator[Finding]:
    """Look whether followers can be woken; else they look again and again."""
    if sys.platform != "linux":
        return
    obstacle = find_obstacle()
    if obstacle is not None:
        yield Finding(
            check="watching",
            level=WARNING,
            message=f"The system grants no more file watches: {obstacle.strerror}. "
            "Followers look now and then instead of being woken.",
            fix="sudo sysctl fs.inotify.max_user_instances=1024",
        )
    else:
        yield Finding(check="watching", level=OK, message="Followers are woken by the system.")


def check_clients(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look where the server is listed with MCP clients, and whether they could start it."""
    statuses, faults = list_client_statuses(this_machine(environ))
    for fault in faults:
        yield Finding(check="clients", level=INFO, message=fault.message, fix=fault.hint)
    for status in statuses:
        again = f"synapse mcp install --client {status.client} --scope {status.scope}"
        runs = status.is_runnable
        yield Finding(
            check="clients",
            level=OK if runs else WARNING,
            message=f"Listed with {status.client} ({status.scope})"
            + ("." if runs else f", but {status.command} cannot be started."),
            fix="" if runs else again,
            facts={"client": status.client, "scope": status.scope, "path": str(status.path)},
        )
    if not statuses and not faults:
        yield Finding(
            check="clients",
            level=INFO,
            message="No MCP client lists the server.",
            fix="synapse mcp install --client claude-code (or another one)",
        )

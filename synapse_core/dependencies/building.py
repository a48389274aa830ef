"""Makes a virtual environment, once, however many want it at the same time."""

import errno
import sysconfig
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from synapse_core.dependencies.base import site_folders
from synapse_core.dependencies.explaining import FailureKind
from synapse_core.dependencies.installers import Installer, find_installers
from synapse_core.dependencies.recipe import Recipe, make_recipe
from synapse_core.dependencies.session import LOOK_S, Session, Watcher
from synapse_core.dependencies.upkeep import prune_venvs
from synapse_core.dependencies.venv import Contents, Venv
from synapse_core.dependencies.venvs import Venvs
from synapse_core.dependencies.wanted import read_wanted
from synapse_core.errors import DependencyError, RunCancelledError, StorageError, SynapseError

__all__ = ["provide"]

_TRY_OTHER = frozenset({FailureKind.NOT_FOUND, FailureKind.UNREACHABLE})

_PTH = "zz_synapse.pth"
"""Sorted last: what the environment's own .pth files add comes before Synapse's libraries."""


def provide(
    venvs: Venvs, plugin: Path, variables: Mapping[str, str], watcher: Watcher
) -> Venv | None:
    """Return the environment the plugin needs, made if it was not there; None for none.

    Of several that want the same one, the first makes it and the others wait for it.

    Args:
        venvs: Where it belongs.
        plugin: The plugin's folder.
        variables: What the installer is configured with; see `installer_variables`.
        watcher: Is told how it goes.

    Raises:
        DependencyError: It cannot be made; names the requirement, the reason and the remedy.
        RunCancelledError: The watcher gave it up.
        RunTimeoutError: The installer did not come to an end.
        StorageError: The folder cannot be written.
    """
    recipe = make_recipe(read_wanted(plugin))
    if recipe is None:
        return None
    venv = venvs.venv(recipe.key)
    if venv.use() is None:
        venvs.make_folders()
        waiting = _wait_for_other(watcher)
        with venv.building(wait=lambda: next(waiting)):
            if venv.use() is None:  # else somebody made it while we waited
                _build(venv, recipe, variables, watcher)
                _make_room(venvs, watcher)
    return venv


def _make_room(venvs: Venvs, watcher: Watcher) -> None:
    try:
        removed = prune_venvs(venvs)
    except StorageError as error:
        watcher.say(f"Unused libraries stay on the disk. {error}")
        return
    if removed:
        watcher.say(f"Removed {len(removed)} sets of libraries that no run has used for long.")


def _wait_for_other(watcher: Watcher) -> Iterator[bool]:
    """Yield after each pause whether to go on waiting."""
    watcher.say("Another run is installing the same libraries; waiting for it.")
    while not watcher.is_stopped_within(LOOK_S):
        yield True
    raise RunCancelledError("The run was stopped while it waited for its libraries.")


def _build(venv: Venv, recipe: Recipe, variables: Mapping[str, str], watcher: Watcher) -> None:
    started_at = time.monotonic()
    installers = find_installers(recipe.installer, variables)
    asked = ", ".join(entry.text for entry in recipe.entries)
    watcher.say(f"Installing the libraries the plugin asks for: {asked}")
    try:
        for number, installer in enumerate(installers, start=1):
            venv.discard()
            try:
                _build_with(installer, venv, recipe, variables, watcher)
                break
            except DependencyError as error:
                if number == len(installers) or error.data.get("kind") not in _TRY_OTHER:
                    raise
                watcher.say(f"{installer.name} could not install them; trying the next installer.")
    except BaseException:
        venv.discard()
        raise
    watcher.progress(_STAGES, _STAGES)
    watcher.say(f"The libraries are installed ({time.monotonic() - started_at:.1f} s).")


_STAGES = 4
"""Made, installed, tried, sealed."""


def _build_with(
    installer: Installer,
    venv: Venv,
    recipe: Recipe,
    variables: Mapping[str, str],
    watcher: Watcher,
) -> None:
    session = Session(venv, recipe, installer, variables, watcher)
    try:
        watcher.progress(0, _STAGES)
        session.install(installer.create(venv.folder))
        watcher.progress(1, _STAGES)
        _install(session, installer, venv, recipe)
        watcher.progress(2, _STAGES)
        packages = _append_base(venv)
        session.try_worker()
        watcher.progress(3, _STAGES)
        venv.seal(_take_stock(venv, packages, recipe))
    except OSError as error:
        if isinstance(error, SynapseError):
            raise
        full = " The disk is full." if error.errno == errno.ENOSPC else ""
        raise StorageError(
            f"Cannot write {venv.folder}: {error.strerror}.{full}",
            hint="Free disk space or check the permissions, then run it again.",
            path=str(venv.folder),
        ) from error


def _install(session: Session, installer: Installer, venv: Venv, recipe: Recipe) -> None:
    asked, limits = venv.folder / "requirements.txt", venv.folder / "constraints.txt"
    asked.write_text("\n".join([*recipe.requirement_lines(), ""]), encoding="utf-8")
    limits.write_text("\n".join([*recipe.fixed, *recipe.constraints, ""]), encoding="utf-8")
    arguments = ["--requirement", str(asked), "--constraint", str(limits)]
    for link in recipe.links:
        arguments += ["--find-links", link]
    options = recipe.installer.options
    if recipe.has_all_wheels:
        try:
            # What the plugin brings along is meant to be used, and needs no network.
            session.install(installer.install(venv.python, ["--no-index", *arguments], options))
        except DependencyError as error:
            if error.data.get("kind") not in _TRY_OTHER:
                raise
            session.say("The plugin's own wheels do not suffice; asking the package index.")
        else:
            return
    session.install(installer.install(venv.python, arguments, options))


def _append_base(venv: Venv) -> Path:
    """Let the environment find Synapse behind its own libraries; return the folder of those."""
    places = {"base": str(venv.folder), "platbase": str(venv.folder)}
    packages = Path(sysconfig.get_path("purelib", scheme="venv", vars=places))
    # addsitedir, unlike a plain line, reads the .pth files in there: an editable install is one.
    lines = [f"import site; site.addsitedir({folder!r})" for folder in site_folders()]
    (packages / _PTH).write_text("\n".join([*lines, ""]), encoding="utf-8")
    return packages


def _take_stock(venv: Venv, packages: Path, recipe: Recipe) -> Contents:
    return Contents(
        requirements=tuple(entry.text for entry in recipe.entries),
        installed=tuple(sorted(one.name for one in packages.glob("*.dist-info"))),
        packages=str(packages.relative_to(venv.folder)),
        stamp=packages.stat().st_mtime_ns,
        size_bytes=sum(one.lstat().st_size for one in venv.folder.rglob("*")),
    )

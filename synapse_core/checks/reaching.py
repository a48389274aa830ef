"""Tells which modules the actions of a plugin import, and reads them all."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from synapse_core.checks.subject import CheckedAction
from synapse_core.discovery.imports import Scope
from synapse_core.discovery.sources import (
    Source,
    UnreadSource,
    find_module,
    read_source,
    read_sources,
)
from synapse_core.discovery.symbols import Symbols
from synapse_core.plugins.files import find_files
from synapse_core.plugins.layout import split_entrypoint

__all__ = ["find_reachable", "read_plugin"]


def read_plugin(
    folder: Path, actions: Sequence[CheckedAction], prefix: str = ""
) -> tuple[Symbols, list[Source], list[UnreadSource]]:
    """Return the names of a plugin's source, its modules, and those that could not be read.

    Folders and files that hold no actions as a rule, such as tests, are read where an action
    imports them all the same.

    Args:
        folder: The plugin's folder.
        actions: Its actions.
        prefix: Package that the folder itself is; empty when it is the import root.
    """
    read = list(read_sources(folder, find_files(folder), prefix))
    while True:
        sources = [one for one in read if isinstance(one, Source)]
        unread = [one for one in read if isinstance(one, UnreadSource)]
        symbols = Symbols(sources, [one.module for one in unread])
        found = {name: find_module(folder, name, prefix) for name in _unknown(symbols, actions)}
        more = [read_source(folder, path, name) for name, path in found.items() if path]
        if not more:
            return symbols, sources, unread
        read += more


def find_reachable(
    symbols: Symbols, actions: Iterable[CheckedAction], *, at_once: bool = False
) -> set[str]:
    """Return the names of the modules that are imported when one of the actions runs.

    Args:
        symbols: The names of the plugin's source.
        actions: The actions.
        at_once: Leave out what is only imported when a function is called.
    """
    return {name for name in _walk(symbols, actions, at_once=at_once) if symbols.is_module(name)}


def _unknown(symbols: Symbols, actions: Iterable[CheckedAction]) -> list[str]:
    """Return the names that are imported, but are no modules that were read."""
    return [name for name in _walk(symbols, actions, at_once=False) if not symbols.is_module(name)]


def _walk(symbols: Symbols, actions: Iterable[CheckedAction], *, at_once: bool) -> Iterator[str]:
    """Yield every name that may be a module, once."""
    waiting = [split_entrypoint(action.spec.entrypoint)[0] for action in actions]
    seen = {""}
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        yield name
        waiting.append(name.rpartition(".")[0])
        if symbols.source(name) is not None:
            for one in symbols.imports(name):
                if one.scope is Scope.MODULE or not at_once:
                    waiting += [one.module, f"{one.module}.{one.name}" if one.name else ""]

"""Turns the tree of commands into one for typer, in which each command loads when it is called."""

import importlib
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

import synapse_core
from synapse_mcp.cli.tree import GROUPS, Entry, Group

__all__ = ["build_root", "with_help"]

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class LazyGroup(TyperGroup):
    """Lists its commands by their summaries, and loads the one that is called."""

    group: Group

    # `ctx` is of a class that typer keeps to itself.
    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 see above
        """Return name, command and remaining words; the command loaded."""
        name, command, rest = super().resolve_command(ctx, args)
        entry = self.group.entries.get(name) if name is not None else None
        if name is not None and entry is not None:
            command = _load(name, entry)
        return name, command, rest


def build_root() -> LazyGroup:
    """Return the whole command line."""
    app = typer.Typer(
        name="synapse",
        cls=LazyGroup,
        help=GROUPS.summary,
        add_completion=True,
        rich_markup_mode=_markup_mode(),
        context_settings=_CONTEXT,
    )
    app.callback()(_root)
    return _filled(app, GROUPS)


def with_help(words: Sequence[str]) -> list[str]:
    """Return the words, with `--help` after those that only name a group."""
    place: Group | Entry | None = GROUPS
    for word in words:
        place = place.entries.get(word) if isinstance(place, Group) else None
    return [*words, "--help"] if isinstance(place, Group) else list(words)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"synapse {synapse_core.__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Show the version and exit.",
            is_eager=True,
            callback=_show_version,
        ),
    ] = False,
) -> None: ...


def _build_group(name: str, group: Group) -> LazyGroup:
    app = typer.Typer(
        name=name,
        cls=LazyGroup,
        help=group.summary,
        add_completion=False,
        rich_markup_mode=_markup_mode(),
        context_settings=_CONTEXT,
    )
    app.callback()(_nothing)
    return _filled(app, group)


def _filled(app: typer.Typer, group: Group) -> LazyGroup:
    """Return the group with stand-ins for its commands, which hold their summaries."""
    built = get_command(app)
    if not isinstance(built, LazyGroup):
        raise TypeError(f"typer made a {type(built).__name__} of a group.")
    built.group = group
    for word, entry in group.entries.items():
        built.add_command(TyperCommand(word, help=entry.summary), word)
    return built


def _load(name: str, entry: Entry | Group) -> Any:  # noqa: ANN401 see above
    if isinstance(entry, Group):
        return _build_group(name, entry)
    module, _, function = entry.target.partition(":")
    app = typer.Typer(
        add_completion=False, rich_markup_mode=_markup_mode(), context_settings=_CONTEXT
    )
    app.command(name)(getattr(importlib.import_module(module), function))
    return get_command(app)


def _markup_mode() -> Any:  # noqa: ANN401 typer's literal type is not public
    """Draw help with rich on a terminal; in a pipe it is read by programs, and costs 60 ms."""
    return "markdown" if sys.stdout.isatty() else None


def _nothing() -> None: ...

"""Opens the workspace for a command."""

import os
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

from synapse_core.config.environments import Environment
from synapse_core.errors import ConfigError
from synapse_core.operations.environments import list_plugin_folders, service_environment
from synapse_core.workspace import Workspace, open_workspace
from synapse_mcp.cli.places import looks_like_path, this_home

__all__ = ["open_plugins", "open_runs", "require_service"]


@contextmanager
def open_runs() -> Generator[Workspace]:
    """Open the workspace for commands that look at runs only: no plugin is looked for."""
    home = this_home()
    service = service_environment(home)
    with open_workspace(home.root, (), environ=os.environ, environment=service) as workspace:
        yield workspace


@contextmanager
def open_plugins(
    references: Iterable[str] = (), *, service: Environment | None = None
) -> Generator[Workspace]:
    """Open the workspace with the current folder and the registered folders as roots.

    A person who names a folder may run what is in it, so folders among `references` join the roots.
    Where a service is given, the runs are those of the service.
    """
    home = this_home()
    named = [Path(ref).expanduser() for ref in references if looks_like_path(ref)]
    registered = [folder for folder in list_plugin_folders(home) if folder.is_dir()]
    roots = [Path.cwd(), *registered, *(folder for folder in named if folder.is_dir())]
    with open_workspace(home.root, roots, environ=os.environ, environment=service) as workspace:
        yield workspace


def require_service() -> Environment:
    """Return the active environment, which names a service.

    Raises:
        ConfigError: It names none.
    """
    found = service_environment(this_home())
    if found is None:
        raise ConfigError(
            "The active environment names no service.",
            hint="Choose one that does: `synapse env list` shows them.",
        )
    return found

"""Where things are: the home, and the plugin that is meant."""

import os
from pathlib import Path

from synapse_core.config.home import Home
from synapse_core.errors import PluginNotFoundError

__all__ = ["looks_like_path", "plugin_here", "this_home"]

_MANIFEST = "config.yaml"


def this_home() -> Home:
    """Return the home that the environment names.

    Raises:
        ConfigError: It names none that can be used.
    """
    return Home.locate(os.environ)


def looks_like_path(reference: str) -> bool:
    """Whether the text can only be meant as a path, not as the code of a plugin."""
    return os.sep in reference or reference in {".", ".."} or reference.startswith("~")


def plugin_here(reference: str | None) -> str:
    """Return the reference, or the folder of the plugin that the current folder lies in.

    Raises:
        PluginNotFoundError: None is given, and the current folder is in no plugin.
    """
    if reference is not None:
        return reference
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / _MANIFEST).is_file():
            return str(folder)
    raise PluginNotFoundError(
        f"{here} is in no plugin: no {_MANIFEST} lies there or above.",
        hint="Name one with --plugin CODE or --plugin PATH; `synapse plugin list` lists them.",
    )

"""Plugins that the tests of the worker write, and workspaces to run them in."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

from synapse_core.workspace import Workspace, open_workspace

__all__ = ["PATIENCE_S", "opened", "write_plugin"]

PATIENCE_S = 50.0

HEAD = """\
import os, signal, sys, threading, time
from synapse_core import RuntimeContext, action

@action()
def run(ctx: RuntimeContext):
"""


def write_plugin(root: Path, body: str, *, more: str = "") -> None:
    """Write the plugin `odd` whose action `run` has this body; `more` goes below the action."""
    folder = root / "plugins" / "odd"
    folder.mkdir(parents=True, exist_ok=True)
    manifest = "name: Odd\ncode: odd\nversion: 1.0.0\nactions:\n  run:\n    entrypoint: odd:run\n"
    (folder / "config.yaml").write_text(manifest + more, encoding="utf-8")
    indented = "".join(f"    {line}\n" for line in dedent(body).strip().splitlines())
    (folder / "odd.py").write_text(HEAD + indented, encoding="utf-8")


@contextmanager
def opened(root: Path) -> Generator[Workspace]:
    """Open a workspace whose home and plugins lie below the folder."""
    (root / "plugins").mkdir(exist_ok=True)
    with open_workspace(root / "home", [root / "plugins"]) as workspace:
        yield workspace

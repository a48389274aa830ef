"""A plugin's folder, and a process that forgets what was imported from it."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

Write = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a plugin."""
    made = tmp_path / "plug"
    made.mkdir()
    return made


@pytest.fixture
def write(folder: Path) -> Write:
    """Write a file of the plugin and return its path."""

    def write(name: str, source: str = "") -> Path:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(source), encoding="utf-8")
        return file

    return write

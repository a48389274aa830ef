"""Calls `synapse` as a program, in this process for breadth, and on a terminal."""

import contextlib
import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from synapse_mcp.cli.__main__ import run
from tests.cli.calling import PATIENCE_S, PROGRAM, Call, Done, OpenTerminal, Terminal


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """A home and a user's home of their own, and nothing of the machine but its programs."""
    user_home = tmp_path / "user"
    user_home.mkdir()
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(user_home),
        "SYNAPSE_HOME": str(tmp_path / "home"),
        "LANG": "C.UTF-8",
        "COLUMNS": "100",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The current folder of the commands, with space and letters from elsewhere in its name."""
    path = tmp_path / "mein Ördner"
    path.mkdir()
    return path


@pytest.fixture
def program(variables: dict[str, str], folder: Path) -> Call:
    """Call the real program in a process of its own, without a terminal."""

    def call(*words: str | Path, stdin: str = "") -> Done:
        done = subprocess.run(
            [*PROGRAM, *map(str, words)],
            check=False,
            capture_output=True,
            text=True,
            input=stdin,
            env=variables,
            cwd=folder,
            timeout=PATIENCE_S,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture
def synapse(variables: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Call the same in this process, which is quicker."""
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(folder)

    def call(*words: str | Path, stdin: str = "") -> Done:
        given = io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8")
        out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", given)  # reason: the interpreter's own, for its time only
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = run([str(word) for word in words])
        return Done(code, _text(out), _text(err))

    return call


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()


@pytest.fixture
def terminals(variables: dict[str, str], folder: Path) -> Iterator[OpenTerminal]:
    """Open the program on a terminal."""
    opened: list[Terminal] = []

    # A shell has what it starts in the background ignore Ctrl-C; a person's terminal does not.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def open_terminal(*words: str) -> Terminal:
        opened.append(Terminal(words, variables, folder))
        return opened[-1]

    yield open_terminal
    for terminal in opened:
        terminal.close()
    signal.signal(signal.SIGINT, before)

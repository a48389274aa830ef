"""Ways to call `synapse`, and what comes of it."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

PROGRAM = [sys.executable, "-m", "synapse_mcp.cli"]
PATIENCE_S = 40


@dataclass(frozen=True)
class Done:
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 free JSON, of which the test knows the shape
        """Stdout as the one JSON document it must be."""
        return json.loads(self.out)

    @property
    def json_lines(self) -> list[Any]:
        """Stdout as the JSON lines it must be."""
        return [json.loads(line) for line in self.out.splitlines()]


class Call(Protocol):
    """Calls `synapse` with some words."""

    def __call__(self, *words: str | Path, stdin: str = "") -> Done: ...


class Terminal:
    """The program on a pseudo-terminal, as a person has it."""

    def __init__(self, words: Sequence[str], env: dict[str, str], cwd: Path) -> None:
        self._screen, inside = pty.openpty()
        self.process = subprocess.Popen(
            [*PROGRAM, *words],
            stdin=inside,
            stdout=inside,
            stderr=inside,
            env={**env, "TERM": "xterm-256color"},
            cwd=cwd,
            start_new_session=True,
        )
        os.close(inside)
        self.text = ""

    def read_until(self, words: str) -> str:
        """Read what is shown until the words stand there."""
        until = time.monotonic() + PATIENCE_S
        while words not in self.text:
            assert time.monotonic() < until, f"{words!r} never came: {self.text!r}"
            if not self._read_some():
                break
        assert words in self.text
        return self.text

    def type(self, text: str) -> None:
        """Type on the keyboard."""
        os.write(self._screen, text.encode())

    def interrupt(self) -> None:
        """Press Ctrl-C, as the terminal tells it to the program."""
        os.kill(self.process.pid, signal.SIGINT)

    def end(self) -> tuple[int, str]:
        """Return the exit code, and all that was shown."""
        until = time.monotonic() + PATIENCE_S
        while self._read_some():
            assert time.monotonic() < until, f"it does not end: {self.text!r}"
        return self.process.wait(PATIENCE_S), self.text

    def close(self) -> None:
        """End the program, whatever it does."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE_S)
        os.close(self._screen)

    def _read_some(self) -> bool:
        ready, _, _ = select.select([self._screen], [], [], 1)
        if not ready:
            return True
        try:
            read = os.read(self._screen, 65_536)
        except OSError:  # how Linux tells that the other side is closed
            return False
        self.text += read.decode(errors="replace")
        return bool(read)


class OpenTerminal(Protocol):
    """Opens the program on a terminal."""

    def __call__(self, *words: str) -> Terminal: ...

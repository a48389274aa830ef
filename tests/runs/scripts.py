"""Programs that tests start to kill them, fill their disk or fork them: real processes."""

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from textwrap import dedent

__all__ = ["run_script", "started_script"]

_PATIENCE_S = 30


def run_script(code: str, *args: object) -> str:
    """Run a program to its end and return what it printed; it must succeed."""
    done = subprocess.run(
        [sys.executable, "-c", dedent(code), *map(str, args)],
        check=False,
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def started_script(code: str, *args: object) -> Generator[subprocess.Popen[str]]:
    """Start a program with pipes to its input and output; it is killed at the end."""
    process = subprocess.Popen(
        [sys.executable, "-c", dedent(code), *map(str, args)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()

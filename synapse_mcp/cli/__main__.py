"""Entry point of `synapse`."""

import gc
import io
import os
import sys
from collections.abc import Sequence

from synapse_mcp.cli.failures import ExitCode, guard
from synapse_mcp.cli.lazy import build_root, with_help

__all__ = ["main", "run"]


_SELDOM = 100_000
"""Most commands are over before so many objects are made, and need not look for garbage."""


def main() -> None:
    """Run the command line of this process and exit with its code."""
    gc.set_threshold(_SELDOM)
    # pydantic would read the metadata of every installed package in search of plugins for itself.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    sys.exit(run(sys.argv[1:]))


def run(words: Sequence[str]) -> int:
    """Run the command that the words name, and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A locale without UTF-8, or a file name that is none, must not end in a traceback.
            stream.reconfigure(errors="backslashreplace")
    given = with_help([_readable(word) for word in words])
    as_json = "--json" in given
    return guard(lambda: _call(given), as_json=as_json)


def _readable(word: str) -> str:
    """Return the word as it was typed; a locale without UTF-8 makes halves of its letters."""
    try:
        return os.fsencode(word).decode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # it was no word of the operating system
        return word


def _call(words: list[str]) -> int:
    # Neither may typer catch our errors, nor end the process.
    code = build_root().main(words, prog_name="synapse", standalone_mode=False)
    return code if isinstance(code, int) else ExitCode.DONE


if __name__ == "__main__":
    main()

"""Entry point of `synapse-mcp`: keeps stdout for frames, reads the flags, serves.

Whatever is printed to a standard stream that carries the protocol breaks it, also while modules are
imported. So before anything of ours or of others is imported, the wire moves to private
descriptors; file descriptor 1 becomes stderr, and file descriptor 0 reads nothing.
"""

import os
import signal
import sys
from collections.abc import Sequence

__all__ = ["main"]

_ONLY_TEXT = frozenset({"-h", "--help", "--version"})


def main(argv: Sequence[str] | None = None) -> None:
    """Serve MCP over stdin and stdout until the client closes them.

    Args:
        argv: Flags without the program's name; None for those of the command line.

    Raises:
        SystemExit: The flags are wrong, or only ask for help.
    """
    words = sys.argv[1:] if argv is None else list(argv)
    wire = None if _ONLY_TEXT.intersection(words) else _claim_wire()

    from synapse_mcp.settings import parse_settings  # noqa: PLC0415 (the wire comes first)

    settings = parse_settings(words)
    if wire is None:
        return

    # Nothing is lost when the process dies at once: every write is atomic and runs live elsewhere.
    # Python's own handler would wait for the thread that reads stdin.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

    from synapse_mcp.server.stdio import serve  # noqa: PLC0415 (help needs no SDK: it takes 1 s)

    read_fd, write_fd = wire
    serve(settings, read_fd=read_fd, write_fd=write_fd)


def _claim_wire() -> tuple[int, int]:
    """Move stdin and stdout to private descriptors, which no child inherits."""
    try:
        wire = _duplicate(0), _duplicate(1)
    except OSError:
        raise SystemExit("synapse-mcp: stdin and stdout must be open: they are the wire.") from None
    _point(0, os.open(os.devnull, os.O_RDONLY))
    try:
        _point(1, _duplicate(2))
    except OSError:
        # There is no stderr. Diagnostics have nowhere to go, but must not fail for that.
        _point(2, os.open(os.devnull, os.O_WRONLY))
        _point(1, _duplicate(2))
        sys.stderr = os.fdopen(2, "w", closefd=False)
    return wire


def _duplicate(fd: int) -> int:
    """Return a copy of a descriptor beyond the standard ones, some of which may be closed."""
    copy = os.dup(fd)
    if copy > 2:  # noqa: PLR2004 (stderr)
        return copy
    try:
        return _duplicate(fd)
    finally:
        os.close(copy)


def _point(fd: int, source: int) -> None:
    """Make `fd` what `source` is; `source` is closed."""
    if fd != source:
        os.dup2(source, fd)
        os.close(source)


if __name__ == "__main__":
    main()

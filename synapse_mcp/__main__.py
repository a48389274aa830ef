"""Entry point of `synapse-mcp`: keeps stdout for frames, answers at once, then serves.

Whatever is printed to a standard stream that carries the protocol breaks it, also while modules are
imported. So before anything of ours or of others is imported, the wire moves to private
descriptors; file descriptor 1 becomes stderr, and file descriptor 0 reads nothing.

The SDK takes about a second to import, and some clients wait less for the list of tools. So the
front answers what it has on record while the import goes on, and hands over when it is done.
"""

import gc
import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from synapse_mcp.front.receptionist import Handover

__all__ = ["main"]

_ONLY_TEXT = frozenset({"-h", "--help", "--version"})
_WARM = "--warm"


def main(argv: Sequence[str] | None = None) -> None:
    """Serve MCP over stdin and stdout until the client closes them.

    Args:
        argv: Flags without the program's name; None for those of the command line.

    Raises:
        SystemExit: The flags are wrong, or only ask for help.
    """
    words = sys.argv[1:] if argv is None else list(argv)
    if _ONLY_TEXT.intersection(words):
        _tell(words)
        return
    if _WARM in words:
        _warm([word for word in words if word != _WARM])
        return
    if "--http" in words:
        _serve_http(words)
        return
    read_fd, write_fd = _claim_wire()
    # Nothing is lost when the process dies at once: every write is atomic and runs live elsewhere.
    # Python's own handler would wait for the thread that reads stdin.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # An import leaves little garbage, but looking for it takes a tenth of the time. The server
    # collects again as soon as it has started.
    gc.disable()
    handover = _attend(words, read_fd, write_fd)
    if handover.is_closed and not handover.is_owed:
        sys.stderr.flush()
        os._exit(0)  # the thread that imports is of no use any more, and cannot be stopped
    _serve(words, handover, read_fd, write_fd)


def _tell(words: list[str]) -> None:
    """Print what was asked for; it needs neither wire nor SDK."""
    from synapse_mcp.settings import parse_settings  # noqa: PLC0415 (the wire comes first)

    parse_settings(words)


def _warm(words: list[str]) -> None:
    """Make the record of a quick start with the other flags, and tell where it lies."""
    from synapse_mcp.server.recording import warm_record  # noqa: PLC0415 (it takes a second)

    print(warm_record(words))  # noqa: T201 (no frames are expected of this call)


def _serve_http(words: list[str]) -> None:
    from synapse_mcp.settings import parse_settings  # noqa: PLC0415 (wrong flags need no SDK)

    settings = parse_settings(words)

    from synapse_mcp.server.http import serve  # noqa: PLC0415 (it takes a second)

    if settings.http is not None:
        serve(settings.http, words)


def _attend(words: list[str], read_fd: int, write_fd: int) -> "Handover":
    """Answer from the record of an earlier start, if there is one, while the server is imported."""
    from synapse_mcp.front.desk import attend  # noqa: PLC0415 (the wire comes first)
    from synapse_mcp.front.importing import import_server  # noqa: PLC0415 (the same)
    from synapse_mcp.front.key import record_key, record_path  # noqa: PLC0415 (the same)
    from synapse_mcp.front.receptionist import Handover  # noqa: PLC0415 (the same)
    from synapse_mcp.front.record import load_record  # noqa: PLC0415 (the same)

    key = record_key(words)
    record = load_record(record_path(key, os.environ), key)
    if record is None:
        return Handover()
    try:
        return attend(record, import_server, read_fd=read_fd, write_fd=write_fd)
    except BrokenPipeError:
        handover = Handover()
        handover.is_closed = True
        return handover


def _serve(words: list[str], handover: "Handover", read_fd: int, write_fd: int) -> None:
    from synapse_mcp.settings import parse_settings  # noqa: PLC0415 (wrong flags need no SDK)

    settings = parse_settings(words)

    from synapse_mcp.front.importing import import_server  # noqa: PLC0415 (the wire comes first)

    import_server()

    from synapse_mcp.server.stdio import serve  # noqa: PLC0415 (it takes a second)

    serve(settings, words, handover, read_fd=read_fd, write_fd=write_fd)


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
    if copy > 2:  # noqa: PLR2004 (that of stderr)
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

"""`synapse-mcp --http` as a process."""

import os
import re
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.mcp.world import Place

__all__ = ["HttpServer", "serving"]

_TOKEN = "token-of-the-tests-only"
_SAID = re.compile(r"synapse-mcp listens at (?P<url>\S+);")


@dataclass(frozen=True)
class HttpServer:
    """A server that listens.

    Attributes:
        url: Where.
        token: What lets in.
    """

    url: str
    token: str

    @property
    def port(self) -> int:
        port = urlsplit(self.url).port
        assert port is not None
        return port


@contextmanager
def serving(
    place: Place, *flags: str, env: Mapping[str, str] | None = None
) -> Generator[HttpServer]:
    """Start the real server at a free port, and stop it at the end."""
    words = ["--http", "--port", "0", "--root", str(place.root), *flags]
    process = subprocess.Popen(
        [sys.executable, "-m", "synapse_mcp", *words],
        cwd=place.folder,
        env={
            **os.environ,
            "SYNAPSE_HOME": str(place.home),
            "SYNAPSE_MCP_TOKEN": _TOKEN,
            **(env or {}),
        },
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stderr is not None
        said = process.stderr.readline()
        found = _SAID.match(said)
        assert found is not None, said + process.stderr.read()
        try:
            yield HttpServer(found["url"], _TOKEN)
        finally:
            process.terminate()

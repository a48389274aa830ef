"""A run service for the length of a test."""

import threading
from collections.abc import Generator
from contextlib import contextmanager

from synapse_core.service.limits import Limits
from synapse_core.service.scopes import Scope, Tokens
from synapse_core.service.serving import Address, make_server
from synapse_core.workspace import Workspace

__all__ = ["ADMIN_TOKEN", "READ_TOKEN", "RUN_TOKEN", "serving"]

ADMIN_TOKEN, RUN_TOKEN, READ_TOKEN = "admin" * 4, "run-" * 5, "read" * 5


@contextmanager
def serving(workspace: Workspace, *, port: int = 0, limits: Limits | None = None) -> Generator[str]:
    """Serve the workspace on loopback, in a thread, and give the URL.

    Args:
        workspace: What is served; it is not closed.
        port: Port; 0 for any free one.
        limits: What a client may do; None for the usual.
    """
    tokens = Tokens([(ADMIN_TOKEN, Scope.ADMIN), (RUN_TOKEN, Scope.RUN), (READ_TOKEN, Scope.READ)])
    started = threading.Event()
    server = make_server(
        workspace,
        Address(port=port),
        tokens,
        limits=limits,
        announce=lambda _url: started.set(),
    )
    thread = threading.Thread(target=server.serve_until_told, name="service")
    thread.start()
    try:
        if not started.wait(30):
            raise RuntimeError("the service did not start within 30 s")
        yield server.url
    finally:
        server.stop()
        thread.join()

"""Makes the first start of the server that a client lists as quick as any later one."""

import os
import subprocess

from synapse_core.operations.clients import ServerCommand

__all__ = ["warm_start"]

_WARM = "--warm"
_TIMEOUT_S = 60.0
"""A cold start takes seconds; `uvx` may have to fetch what it starts."""

_MAX_REASON = 300


def warm_start(server: ServerCommand) -> str | None:
    """Record what the server answers at its start, by the very command that the client will run.

    The record depends on the program, its Python and its flags, so nothing else would do.

    Returns:
        Why that failed; None when it is done. A client that starts the server without a record
        waits about a second longer, no more.
    """
    words = [server.command, *server.args, _WARM]
    try:
        done = subprocess.run(  # noqa: S603 - the command that was just listed with the client
            words,
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            env={**os.environ, **server.env},
        )
    except subprocess.TimeoutExpired:
        return f"{server.command} has not answered within {_TIMEOUT_S:.0f} s."
    except OSError as error:
        return f"{server.command} cannot be started: {error.strerror}."
    if done.returncode == 0:
        return None
    said = done.stderr.strip().splitlines()
    return said[0][:_MAX_REASON] if said else f"It ended with code {done.returncode}."

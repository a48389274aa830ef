"""Installs a plugin's libraries for somebody who wants to look at the plugin."""

import contextlib
import os
import socket
import time
from functools import partial
from pathlib import Path

from synapse_core.config.home import Home
from synapse_core.dependencies.building import provide
from synapse_core.dependencies.session import Watcher
from synapse_core.dependencies.venvs import Venvs
from synapse_core.errors import SynapseError
from synapse_core.types import JSONObject
from synapse_core.worker.isolation import die_with_parent
from synapse_core.worker.orders import ProvideOrder, send_line

__all__ = ["answer_provision"]


def answer_provision(connection: socket.socket, order: ProvideOrder) -> None:
    """Install, and tell at the end how it went.

    It goes on when the asker has left: the next one will want the same.
    """
    watcher = Watcher(
        say=lambda _line: None,
        progress=lambda _done, _all: None,
        is_stopped_within=_pause,
        in_installer=partial(die_with_parent, os.getpid()),
    )
    answer: JSONObject = {"ok": True}
    try:
        venvs = Venvs(Home(Path(order.home)).cache_dir)
        provide(venvs, Path(order.path), order.installer, watcher)
    except SynapseError as error:
        answer = {"error": {"message": error.message, "hint": error.hint, "data": error.data}}
    with contextlib.suppress(OSError):  # the asker has left: nobody misses the answer
        send_line(connection, answer)


def _pause(pause_s: float) -> bool:
    time.sleep(pause_s)
    return False

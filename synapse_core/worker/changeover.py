"""Lets a process go on in another interpreter: the same process, lease and duties."""

import json
import os
import signal
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn

from synapse_core.config.home import Home
from synapse_core.dependencies.venv import Venv
from synapse_core.worker.orders import Away, parse_away
from synapse_core.worker.tether import Tether

__all__ = ["continue_in", "read_duty"]

HELD_BACK = (signal.SIGCHLD, signal.SIGUSR1, signal.SIGTERM)
"""Signals that would kill a process that has no handler for them yet."""


def continue_in(
    venv: Venv,
    home: Home,
    run_id: str,
    environ: dict[str, str],
    tether: Tether,
    away: Away | None = None,
) -> NoReturn:
    """Replace this process by the environment's interpreter, which goes on owning the run.

    The kernel keeps process id and start time, so the claim on the run stays valid, and whoever
    watches or cancels the run sees no change.
    """
    duty = {
        "home": str(home.root),
        "run_id": run_id,
        "environ": venv.enter(environ),
        "tether": tether.hand_on(),
        "away": None if away is None else asdict(away),
    }
    # Not an argument: variables may hold secrets, and anybody may read a command line.
    handed = tempfile.TemporaryFile()  # noqa: SIM115 - it must outlive this code
    handed.write(json.dumps(duty).encode())
    handed.flush()
    with venv.in_use() as use:
        for descriptor in (use, handed.fileno()):
            os.set_inheritable(descriptor, True)  # noqa: FBT003 - it takes no keyword
        signal.pthread_sigmask(signal.SIG_BLOCK, HELD_BACK)
        python = str(venv.python)
        command = [python, "-P", "-m", "synapse_core.worker.resumed", str(handed.fileno())]
        os.execve(python, command, dict(os.environ))  # noqa: S606 - our own module


def read_duty(descriptor: int) -> tuple[Home, str, dict[str, str], Tether, Away | None]:
    """Return what `continue_in` handed over: home, id of the run, variables, tether, way home."""
    with open(descriptor, "rb") as handed:
        handed.seek(0)
        duty = json.load(handed)
    tether = Tether.taken_over(duty["tether"])
    away = parse_away(duty["away"])
    return Home(Path(duty["home"])), duty["run_id"], duty["environ"], tether, away

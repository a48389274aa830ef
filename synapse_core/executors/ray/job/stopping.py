"""Passes on to a worker that the job which holds it is told to stop."""

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING

from synapse_core.errors import SynapseError

if TYPE_CHECKING:  # hardly any job is stopped, and whoever waits for one to begin does so for this
    from synapse_core.model.run import Run

__all__ = ["STOP_VARIABLES", "heed_stop"]

STOP_VARIABLES = {"RAY_JOB_STOP_WAIT_TIME_S": "15"}
"""Variables of a job: a run that is asked to stop may take longer than the three seconds of Ray."""


def heed_stop(find: "Callable[[], Run]") -> None:
    """Have a run that was asked to stop look for that when Ray stops its job.

    Where only the job is stopped and not the run, this process ends at once, and the run is lost
    with it.

    Args:
        find: Returns the run; called on a thread of its own.
    """

    def on_stop(_number: int, _frame: FrameType | None) -> None:
        # Whatever this interrupts may hold what `find` would wait for.
        threading.Thread(target=_pass_on, args=(find,), daemon=True).start()

    signal.signal(signal.SIGTERM, on_stop)


def _pass_on(find: "Callable[[], Run]") -> None:
    from synapse_core.runs.processes import wake_worker  # noqa: PLC0415 - as above

    try:
        run = find()
    except SynapseError:
        return  # the worker looks by itself, as soon as the store can be reached
    if run.cancel_requested_at is None:
        os.kill(os.getpid(), signal.SIGKILL)
    elif run.owner is not None:
        wake_worker(run.owner)

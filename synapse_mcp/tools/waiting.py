"""Waiting for a run without holding up anything else."""

import random
import time
from functools import partial

from synapse_core.model.run import Run
from synapse_core.operations.runs import wait_run
from synapse_mcp.calls import Call
from synapse_mcp.notify import Heartbeat

__all__ = ["MAX_WAIT_S", "wait_for_end"]

MAX_WAIT_S = 50
"""Clients give a request up after 60 s unless told otherwise."""

_SLICE_S = (0.7, 1.3)
"""A wait is made of short ones, so that a cancelled request leaves no thread behind for long. Their
lengths differ: a hundred waits that began together do not all look at their runs at once."""


async def wait_for_end(call: Call, run_id: str, *, wait_s: float) -> Run:
    """Return the run when it has ended, or as it stands after `wait_s` seconds.

    Tells the client how it comes along. Ends at once when the request is cancelled; the run itself
    goes on: only `run_cancel` stops one.

    Raises:
        RunNotFoundError: No such run.
    """
    heartbeat = Heartbeat(call.client, wait_s=wait_s)
    until = time.monotonic() + wait_s
    while True:
        left_s = max(0.0, until - time.monotonic())
        slice_s = min(left_s, random.uniform(*_SLICE_S))  # noqa: S311 - nobody gains by guessing it
        run = await call.waiting(partial(wait_run, call.workspace, run_id, timeout_s=slice_s))
        if run.status.is_terminal or slice_s == left_s:
            return run
        await heartbeat.tell(run)

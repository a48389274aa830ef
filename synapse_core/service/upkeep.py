"""What nobody asks for: runs of dead workers are settled, and followers learn of silent ends."""

import asyncio
import logging
import time
from collections import Counter
from functools import partial

from synapse_core.errors import SynapseError
from synapse_core.model.run import Run, RunStatus
from synapse_core.operations.runs import get_run
from synapse_core.runs.ids import is_run_id
from synapse_core.runs.recovery import recover_if_abandoned
from synapse_core.service.desk import Desk
from synapse_core.workspace import Workspace

__all__ = ["keep_up"]

_PERIOD_S = 1.0

_UNCLAIMED_S = 5.0
"""A placed run is claimed within milliseconds; one that is not by then was lost on the way."""

_log = logging.getLogger(__name__)


async def keep_up(desk: Desk) -> None:
    """Look after the runs again and again, until this is cancelled."""
    while True:
        followed = desk.following.runs()
        try:
            active = await desk.blocking(partial(_look_after, desk.workspace))
        except SynapseError:
            _log.warning("Could not look after the runs", exc_info=True)
        except Exception:  # noqa: BLE001 - a fault of ours must not end the upkeep of all other runs
            _log.exception("Could not look after the runs")
        else:
            desk.metrics.runs_by_status = Counter(run.status.value for run in active)
            going = {run.id for run in active}
            for run_id in followed:
                if run_id not in going:
                    desk.following.note_over(run_id)
        await asyncio.sleep(_PERIOD_S)


def _look_after(workspace: Workspace) -> list[Run]:
    """Return the runs that have not ended, once those of dead workers are settled."""
    active = [_settled(workspace, run) for run in workspace.runs.active()]
    return [run for run in active if not run.status.is_terminal]


def _settled(workspace: Workspace, run: Run) -> Run:
    if not is_run_id(run.id):
        return run  # recorded by a client; nothing of it lies here
    if run.status is RunStatus.RUNNING:
        return recover_if_abandoned(workspace.runs, workspace.home, run)
    is_late = not 0 <= time.time() - run.created_at <= _UNCLAIMED_S
    # Whoever starts a run here makes its folder first; one without was recorded by a client that
    # places it elsewhere.
    is_ours = run.executor in workspace.executors and workspace.home.run_dir(run.id).is_dir()
    return get_run(workspace, run.id) if is_late and is_ours else run

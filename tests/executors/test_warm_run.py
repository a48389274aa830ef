"""A run in a process that stays, without the cluster around it."""

import threading
from pathlib import Path

from synapse_core.executors.ray.node.warm_run import WarmRun
from synapse_core.executors.threaded_run import LEASE_S, Stopper
from synapse_core.model.run import RunEnd, RunStatus
from synapse_core.runs.processes import this_worker
from synapse_core.testing.contracts.runs import a_run
from synapse_core.workspace import open_workspace

SOURCE = """\
from synapse_core import action


@action
def quick(ctx) -> int:
    return 1
"""


class Latecomer:
    """Has every attempt stopped when its action has ended, and nobody has been told yet."""

    def __init__(self) -> None:
        self.ends: list[RunEnd] = []
        self._stopper: Stopper | None = None

    def attend(self, run: WarmRun, stopper: Stopper) -> None:
        del run
        self._stopper = stopper

    def leave(self) -> None:
        assert self._stopper is not None
        self._stopper.look()

    def record(self, end: RunEnd) -> None:
        self.ends.append(end)


def test_a_time_limit_met_as_the_action_ends_does_not_kill_the_process_later(
    tmp_path: Path,
) -> None:
    plugin = tmp_path / "plugin"
    plugin.mkdir()
    (plugin / "late_actions.py").write_text(SOURCE, encoding="utf-8")
    attendant, owner = Latecomer(), str(this_worker())
    with open_workspace(tmp_path / "home", []) as workspace:
        made = a_run(
            plugin_path=str(plugin), entrypoint="late_actions:quick", params={}, timeout_s=1e-9
        )
        workspace.runs.create(made)
        run = workspace.runs.claim(made.id, owner=owner, lease_s=LEASE_S)
        assert run is not None
        WarmRun(
            workspace.home, workspace.runs, run, owner=owner, attendant=attendant
        ).run_to_its_end()

    killers = [one for one in threading.enumerate() if isinstance(one, threading.Timer)]
    are_cancelled = [one.finished.is_set() for one in killers]
    for one in killers:
        one.cancel()
    assert all(are_cancelled)
    assert [end.outcome.status for end in attendant.ends] == [RunStatus.SUCCEEDED]

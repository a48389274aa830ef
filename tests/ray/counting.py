"""A plugin whose runs count, and what must be true of each whatever was killed meanwhile."""

from pathlib import Path
from textwrap import dedent

from synapse_core.model.event import EventKind
from synapse_core.model.run import Run, RunStatus
from synapse_core.operations.runs import get_run
from synapse_core.workspace import Workspace
from tests.ray.looking import events, messages

LINES = 40

_CONFIG = """
    name: Chaos
    code: chaos
    actions:
      count: &count
        entrypoint: "chaos_actions:count"
        retries: {retries: 2, backoff: 10ms}
      count_warm: {<<: *count, reuse: true}
"""

_SOURCE = """
    import time

    from synapse_core import action


    @action
    def count(ctx, pause: float = 0.01) -> str:
        ctx.logger.info("begins")
        for number in range(40):
            ctx.log("counted", {"number": number})
            time.sleep(pause)
        return "counted"
"""


def make_counting_plugin(folder: Path) -> Path:
    """Write the plugin into a new folder, and return that."""
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(dedent(_CONFIG), encoding="utf-8")
    (folder / "chaos_actions.py").write_text(dedent(_SOURCE), encoding="utf-8")
    return folder


def has_come(workspace: Workspace, run: Run, lines: int) -> bool:
    """Whether the run has said so much, or has ended."""
    is_over = get_run(workspace, run.id).status.is_terminal
    return is_over or len(messages(workspace, run.id)) >= lines


def assert_ends_whole(workspace: Workspace, run: Run) -> None:
    """Check that a run ended once, with a log that has no gap and tells the same as its end."""
    said = events(workspace, run.id)
    ends = [
        event
        for event in said
        if event.kind is EventKind.STATUS and RunStatus(str(event.data["status"])).is_terminal
    ]
    numbers = [event.data["fields"] for event in said if event.data.get("event") == "counted"]
    attempts = messages(workspace, run.id).count("begins")

    assert run.status in {RunStatus.SUCCEEDED, RunStatus.FAILED}, run
    assert ends == said[-1:]
    assert ends[0].data["status"] == run.status
    if run.status is RunStatus.SUCCEEDED:
        assert run.result == "counted"
        assert numbers[-LINES:] == [{"number": number} for number in range(LINES)]
    else:
        assert run.failure is not None
        assert run.failure.code == "worker_lost"
    assert attempts >= 1 or run.status is RunStatus.FAILED

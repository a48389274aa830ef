"""A plugin for machines that do not see the home, and what they must have said and left."""

import random
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

from synapse_core.model.run import Run, RunStatus
from synapse_core.workspace import Workspace, open_workspace
from tests.faults.wire import disturbed, wired
from tests.ray.far import Far
from tests.ray.looking import end, messages, start
from tests.waiting import wait_until

ACTIONS = """
    import os
    import subprocess
    import sys
    import time
    from pathlib import Path

    from synapse_core import action

    import helping


    @action
    def work(ctx, word: str = "") -> dict[str, object]:
        print(helping.shout(word))
        print("to stderr", file=sys.stderr)
        ctx.set_progress(1, 2)
        ctx.set_metrics({"loss": 0.5}, "trial")
        ctx.save_artifact(b"x" * 20_000_000, "large/model.bin")
        ctx.save_artifact("small", "notes.txt")
        return {"home": os.environ["HOME"], "folder": Path(__file__).parent.name}


    @action
    def count(ctx, to: int = 10, pause: float = 0.1, marker: str = "") -> int:
        for number in range(to):
            print(f"line {number}")
            time.sleep(pause)
        if marker and not Path(marker).exists():
            Path(marker).touch()
            time.sleep(60)
        return to


    @action
    def greedy(ctx) -> None: ...


    @action
    def share(ctx, word: str) -> str:
        file = ctx.pipeline.datasets_dir / "word.txt"
        file.write_text(word)
        return str(file)


    @action
    def append(ctx, path: str, word: str) -> str:
        with open(path, "a") as file:
            file.write(word)
        return path


    @action
    def tidy(ctx) -> None:
        print("begun")
        try:
            while True:
                ctx.check_cancelled()
                time.sleep(0.01)
        finally:
            time.sleep(1)
            print("tidied")


    @action
    def hang(ctx) -> None:
        subprocess.Popen(["sleep", "1000"])
        subprocess.run(["sh", "-c", "echo from below; echo half; printf unfinished"], check=True)
        time.sleep(60)
"""


def make_far_plugin(far: Far) -> Path:
    """Write the plugin where the node does not see it, unless it is there."""
    folder = far.near / "plugins" / "far_trials"
    if folder.exists():
        return folder
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(
        "name: Far\ncode: far_trials\nversion: 1.0.0\n"
        "actions:\n"
        "  greedy: {entrypoint: 'trials_away:greedy', resources: {gpus: 8}}\n"
        "  append: {entrypoint: 'trials_away:append'}\n"
        "  append_warm: {entrypoint: 'trials_away:append', reuse: true}\n"
    )
    (folder / "trials_away.py").write_text(dedent(ACTIONS))
    (folder / "helping.py").write_text("def shout(word):\n    return f'{word}!'\n")
    (folder / ".gitignore").write_text("secret.txt\n")
    (folder / "secret.txt").write_text("not to be sent")
    return folder


@contextmanager
def open_far(far: Far, plugin: Path, service_url: str | None = None) -> Generator[Workspace]:
    """Open the home that the machine does not see, with the cluster `far` in its configuration.

    Args:
        far: The cluster.
        plugin: The plugin.
        service_url: Where that machine reaches the service; None for its own address.
    """
    home = far.near / "home"
    config = far.config().replace(far.service_url, service_url or far.service_url)
    (home / "config.yaml").write_text(config)
    with open_workspace(home, [plugin.parent]) as opened:
        yield opened


def assert_bad_wires_cost_time_only(far: Far, plugin: Path, rounds: int) -> None:
    """Reach the service over disturbed wires; each round repeats by its number.

    Args:
        far: The cluster.
        plugin: One that has an action `count`.
        rounds: How often.
    """
    for number in range(rounds):
        with (
            wired(far.service_url) as (wire, url),
            open_far(far, plugin, url) as workspace,
        ):
            run = start(workspace, plugin, "count", "far", to=30, pause=0.05)
            with disturbed(wire, random.Random(number)):  # noqa: S311 - chance, no secret
                done = end(workspace, run)
            assert (done.status, done.result, done.attempt) == (RunStatus.SUCCEEDED, 30, 1)
            assert messages(workspace, run.id) == lines(30)
            assert_nothing_is_left(far, run)


def assert_nothing_is_left(far: Far, run: Run) -> None:
    wait_until(lambda: not list((far.away / "runs").glob(f"*/{run.id}")))


def lines(count: int) -> list[str]:
    return [f"line {number}" for number in range(count)]

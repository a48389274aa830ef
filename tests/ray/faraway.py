"""A plugin for machines that do not see the home, and what they must have said and left."""

from pathlib import Path
from textwrap import dedent

from synapse_core.model.run import Run
from tests.ray.far import Far
from tests.ray.looking import wait_until

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
    def share(ctx) -> str:
        return str(ctx.pipeline.datasets_dir)


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
        "actions: {greedy: {entrypoint: 'trials_away:greedy', resources: {gpus: 8}}}\n"
    )
    (folder / "trials_away.py").write_text(dedent(ACTIONS))
    (folder / "helping.py").write_text("def shout(word):\n    return f'{word}!'\n")
    (folder / ".gitignore").write_text("secret.txt\n")
    (folder / "secret.txt").write_text("not to be sent")
    return folder


def assert_nothing_is_left(far: Far, run: Run) -> None:
    wait_until(lambda: not list((far.away / "runs").glob(f"*/{run.id}")))


def lines(count: int) -> list[str]:
    return [f"line {number}" for number in range(count)]

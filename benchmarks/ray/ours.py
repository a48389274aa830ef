"""Runs on the cluster, as a script makes them."""

from pathlib import Path

from rooms import SHARE, WHOLE

from synapse_core.executors.ray import RayActorExecutor, RayJobExecutor
from synapse_core.testing import MemorySink

CONFIG = """\
name: Bench
code: bench{number}
actions:
  cold: {{entrypoint: "bench_actions:cold"}}
  warm: {{entrypoint: "bench_actions:warm", reuse: true}}
  talk: {{entrypoint: "bench_actions:talk"}}
"""

SOURCE = """\
import time

from synapse_core import action


@action
def cold(ctx, number: int = 0) -> int:
    print("number", number)
    return number


@action
def warm(ctx, number: int = 0) -> int:
    print("number", number)
    return number


@action
def talk(ctx, events: int) -> float:
    least = 1.0
    for _ in range(50):
        started = time.perf_counter()
        for number in range(events):
            ctx.log("step", {"number": number})
        least = min(least, time.perf_counter() - started)
    return least / events * 1e6
"""


class Ours:
    """Makes runs of plugins that it writes.

    Args:
        folder: Where the plugins go.
        home: Where the runs are kept.
    """

    def __init__(self, folder: Path, home: Path) -> None:
        self._folder = folder
        self._home = home
        self._plugins = 0
        plugin = self._write_plugin()
        self._tasks = self._executor(plugin)
        self._many = self._executor(self._write_plugin(), WHOLE)
        self._jobs = RayJobExecutor(working_dir=plugin, home=home)

    def run_task(self) -> None:
        """Run in a process of its own."""
        assert self._tasks.submit("cold", {"number": 3}).result() == 3

    def run_warm(self) -> None:
        """Run in a process that stays."""
        assert self._tasks.submit("warm", {"number": 3}).result() == 3

    def run_first(self) -> None:
        """Run a plugin that nobody has seen before."""
        self._run_new("cold")

    def run_first_warm(self) -> None:
        """Run a plugin that nobody has seen before, in a process that stays."""
        self._run_new("warm")

    def run_many(self, count: int) -> None:
        """Run in processes that stay, without waiting between the runs."""
        results = self._many.map("warm", ({"number": number} for number in range(count)))
        assert list(results) == list(range(count))

    def run_job(self) -> None:
        """Run as a job."""
        self._jobs.wait(self._jobs.submit("cold"))

    def event_us(self) -> float:
        """Return what an event costs the process of the action, undisturbed, in µs."""
        return float(self._tasks.submit("talk", {"events": 100}).result())

    def close(self) -> None:
        """Let go of what is held."""
        self._tasks.shutdown()
        self._many.shutdown()
        self._jobs.shutdown()

    def _run_new(self, action: str) -> None:
        executor = self._executor(self._write_plugin())
        assert executor.submit(action, {"number": 3}).result() == 3
        executor.shutdown()

    def _executor(self, plugin: Path, share: float = SHARE) -> RayActorExecutor:
        return RayActorExecutor(plugin, home=self._home, sink=MemorySink(), num_cpus=share)

    def _write_plugin(self) -> Path:
        self._plugins += 1
        plugin = self._folder / f"bench{self._plugins}"
        plugin.mkdir(parents=True)
        (plugin / "config.yaml").write_text(CONFIG.format(number=self._plugins), encoding="utf-8")
        (plugin / "bench_actions.py").write_text(SOURCE, encoding="utf-8")
        return plugin

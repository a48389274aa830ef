"""What commands cost that people and scripts call again and again.

    .venv/bin/python benchmarks/cli.py [--times N] [--runs N]

CPU time of the whole process, user and system: what a slow disk or a busy machine adds does not
count. A home with N ended runs is made for it. Prints one JSON object. Budget: 250 ms.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

from synapse_core.config.home import Home
from synapse_core.model.run import Outcome, Run, RunStatus
from synapse_core.runs.ids import new_run_id
from synapse_core.runs.store.sqlite import SqliteRunStore

BUDGET_MS = 250.0
COMMANDS: dict[str, list[str]] = {
    "python -c pass": ["-c", "pass"],
    "synapse --help": ["-m", "synapse_mcp.cli", "--help"],
    "synapse --version": ["-m", "synapse_mcp.cli", "--version"],
    "synapse run --help": ["-m", "synapse_mcp.cli", "run", "--help"],
    "synapse run list": ["-m", "synapse_mcp.cli", "run", "list"],
    "synapse run list --json": ["-m", "synapse_mcp.cli", "run", "list", "--json"],
    "synapse run show last": ["-m", "synapse_mcp.cli", "run", "show", "last"],
    "synapse env list": ["-m", "synapse_mcp.cli", "env", "list"],
}
BUDGETED = ("synapse --help", "synapse run list")


def main() -> int:
    """Measure, print, and tell by the exit code whether the budget is kept."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--times", type=int, default=11)
    parser.add_argument("--runs", type=int, default=1000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        fill(Home(Path(folder) / "home"), given.runs)
        env = {**os.environ, "SYNAPSE_HOME": f"{folder}/home", "PYTHONDONTWRITEBYTECODE": "1"}
        figures = {
            name: measure([sys.executable, *words], env, folder, given.times)
            for name, words in COMMANDS.items()
        }
    is_kept = all(figures[name]["median"] <= BUDGET_MS for name in BUDGETED)
    told = {"cpu_ms": figures, "runs": given.runs, "budget_ms": BUDGET_MS, "is_kept": is_kept}
    print(json.dumps(told, indent=2))
    return 0 if is_kept else 1


def fill(home: Home, count: int) -> None:
    """Make a store with ended runs."""
    home.ensure()
    store = SqliteRunStore(home.database)
    for number in range(count):
        created = 1_780_000_000.0 + number
        run = Run(
            id=new_run_id(created),
            plugin="bench",
            action="noop",
            entrypoint="actions:noop",
            plugin_path="/bench",
            created_at=created,
        )
        store.create(run)
        store.finish(run.id, Outcome(RunStatus.CANCELLED), owner=None)
    store.close()


def measure(command: list[str], env: dict[str, str], cwd: str, times: int) -> dict[str, float]:
    """Return the median and the least CPU time of the command, in ms."""
    took = [cpu_ms(command, env, cwd) for _ in range(times)]
    return {"median": round(statistics.median(took), 1), "min": round(min(took), 1)}


def cpu_ms(command: list[str], env: dict[str, str], cwd: str) -> float:
    """Return the CPU time of one call; its output goes nowhere."""
    child = os.fork()
    if child == 0:
        os.chdir(cwd)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nowhere, descriptor)
        os.execve(command[0], command, env)  # noqa: S606 our own program
    _, status, usage = os.wait4(child, 0)
    assert status == 0, command
    return (usage.ru_utime + usage.ru_stime) * 1000


if __name__ == "__main__":
    sys.exit(main())

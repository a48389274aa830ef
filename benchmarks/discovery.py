"""What finding plugins and checking params costs.

    .venv/bin/python benchmarks/discovery.py [--actions N] [--times N]

Plugins with N actions are made: one module, one module for each, one plugin for each. `cold` is a
new process without a cache, from the first look to the list of plugins; importing is told apart.
`cached` is a new process with a cache on disk, `again` the same process once more. CPU time: what a
busy machine adds does not count. Prints one JSON object. Budgets, for the first two: 60 ms cold,
10 ms cached.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BUDGETED = ("one_module", "many_modules")
BUDGET_MS = {"cold": 60.0, "cached": 10.0, "again": 10.0}

HEAD = "from pydantic import BaseModel, Field\nfrom synapse_core import BaseAction\n"
ACTION = '''

class Params{n}(BaseModel):
    """What to do."""

    size: int = Field(default=1, ge=1, le=100, description="How many")
    name: str = "x"


class Run{n}Action(BaseAction[Params{n}]):
    """Do the work of number {n}."""

    action_name = "run_{n}"

    def execute(self) -> dict:
        for number in range(self.params.size):
            self.set_progress(number + 1, self.params.size)
        return {{"name": self.params.name}}
'''
ENTRY = (
    "  run_{n}:\n    description: Do it.\n    entrypoint: {module}:Run{n}Action\n    timeout: 10m\n"
)

LOOK = """
import json, sys, time
from pathlib import Path
from synapse_core.discovery.catalog import Catalog
if sys.argv[3] == "cold":
    import synapse_core.discovery.from_config
started = time.process_time()
catalog = Catalog([Path(sys.argv[1])], Path(sys.argv[2]))
count = sum(len(plugin.actions) for plugin in catalog.plugins())
first = time.process_time() - started
started = time.process_time()
catalog.plugins()
print(json.dumps([count, first * 1000, (time.process_time() - started) * 1000]))
"""


def main() -> int:
    """Measure, print, and tell by the exit code whether the budgets are kept."""
    parser = argparse.ArgumentParser(description="What finding plugins and checking params costs.")
    parser.add_argument("--actions", type=int, default=100)
    parser.add_argument("--times", type=int, default=9)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        roots = make_roots(Path(name), given.actions)
        time.sleep(0.3)  # files that were written just now are read to be sure
        figures = {
            kind: measure(root, Path(name) / "cache" / kind, given.actions, given.times)
            for kind, root in roots.items()
        }
    is_kept = all(
        figures[kind][what] <= most for kind in BUDGETED for what, most in BUDGET_MS.items()
    )
    told = {
        "cpu_ms": figures,
        "import_cpu_ms": measure_import(given.times),
        "params_us": measure_params(),
        "budget_ms": BUDGET_MS,
        "is_kept": is_kept,
    }
    print(json.dumps(told, indent=2))
    return 0 if is_kept else 1


def make_roots(folder: Path, count: int) -> dict[str, Path]:
    """Write the same actions in three ways; return a root for each."""
    numbers = range(count)
    one = folder / "one_module"
    write_plugin(one / "plugin", "one", {"run": list(numbers)}, declare=True)
    many = folder / "many_modules"
    write_plugin(many / "plugin", "many", {f"run_{n}": [n] for n in numbers}, declare=False)
    each = folder / "many_plugins"
    for n in numbers:
        write_plugin(each / f"plugin_{n}", f"each_{n}", {"run": [n]}, declare=True)
    return {root.name: root for root in (one, many, each)}


def write_plugin(folder: Path, code: str, modules: dict[str, list[int]], *, declare: bool) -> None:
    """Write a plugin whose modules have the actions of these numbers."""
    folder.mkdir(parents=True)
    text = f"name: {code}\ncode: {code}\nactions:\n"
    for module, numbers in modules.items():
        source = HEAD + "".join(ACTION.format(n=n) for n in numbers)
        (folder / f"{module}.py").write_text(source, encoding="utf-8")
        if declare:
            text += "".join(ENTRY.format(n=n, module=module) for n in numbers)
    (folder / "config.yaml").write_text(text, encoding="utf-8")


def measure(root: Path, cache: Path, count: int, times: int) -> dict[str, float]:
    """Return the medians for one root."""
    took: dict[str, list[float]] = {"cold": [], "cached": [], "again": []}
    for _ in range(times):
        shutil.rmtree(cache, ignore_errors=True)
        for kind in ("cold", "cached"):
            command = [sys.executable, "-c", LOOK, str(root), str(cache), kind]
            done = subprocess.run(command, check=True, capture_output=True)
            found, first, again = json.loads(done.stdout)
            assert found == count
            took[kind].append(first)
            took["again"].append(again)
    return {kind: round(statistics.median(each), 2) for kind, each in took.items()}


def measure_import(times: int) -> dict[str, float]:
    """Return what is imported once before a look without a cache, and before one with it."""
    modules = {
        "cold": "synapse_core.discovery.from_config",
        "cached": "synapse_core.discovery.catalog",
    }
    took: dict[str, float] = {}
    for kind, module in modules.items():
        source = (
            f"import time; t=time.process_time(); import {module}; print(time.process_time()-t)"
        )
        runs = [
            subprocess.run([sys.executable, "-c", source], check=True, capture_output=True)
            for _ in range(times)
        ]
        took[kind] = round(statistics.median(float(run.stdout) for run in runs) * 1000, 1)
    return took


def measure_params() -> dict[str, float]:
    """Return the time of a check of ordinary params, and of one that finds faults."""
    from synapse_core.operations.param_problems import (  # noqa: PLC0415 - after what is timed above
        find_problems,
    )

    properties = {f"p{n}": {"type": "integer", "minimum": 0, "maximum": 100} for n in range(20)}
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    cases = {"right": {f"p{n}": n for n in range(20)}, "wrong": {"p0": 500, "q1": 1, "p2": "x"}}
    took: dict[str, float] = {}
    for name, params in cases.items():
        runs: list[float] = []
        for _ in range(200):
            started = time.perf_counter()
            find_problems(json.loads(json.dumps(schema)), json.loads(json.dumps(params)))
            runs.append(time.perf_counter() - started)
        took[name] = round(statistics.median(runs) * 1e6)
    return took


if __name__ == "__main__":
    sys.exit(main())

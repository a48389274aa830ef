"""What it costs to run an action in this process, and to import what it is made of.

    .venv/bin/python benchmarks/actions.py [--rounds N] [--starts N]

Calls are timed in rounds that alternate between the ways to call, by the CPU time of the thread,
and the best round of each counts: what a busy machine adds is none of ours. Imports are CPU time of
fresh interpreters, less that of an empty one. Prints one JSON object.

Budgets: a run costs at most twice a validation and a call; `import synapse_core` at most 1.3 times
`import pydantic`.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

from pydantic import BaseModel

from synapse_core import BaseAction, RuntimeContext, action
from synapse_core.actions.invoke import invoke
from synapse_core.executors.local import LocalExecutor
from synapse_core.runtime.cancellation import CancelToken
from synapse_core.runtime.env import PluginEnvironment
from synapse_core.testing import MemorySink

CALLS = 2000
RUN_BUDGET = 2.0
IMPORT_BUDGET = 1.3
IMPORTS = {
    "nothing": "pass",
    "pydantic": "from pydantic import BaseModel",
    "synapse_core": "import synapse_core",
    "BaseAction": "from synapse_core import BaseAction",
    "run_action": "from synapse_core.testing import run_action",
}


class Params(BaseModel):
    """Two numbers."""

    epochs: int = 10
    learning_rate: float = 0.001


class Result(BaseModel):
    """One number."""

    loss: float


class Plain(BaseAction[Params]):
    """Does nothing."""

    def execute(self) -> float:
        """Return what was given."""
        return self.params.learning_rate


class Typed(BaseAction[Params]):
    """Does nothing, with a result model."""

    result_model = Result

    def execute(self) -> Result:
        """Return what was given."""
        return Result(loss=self.params.learning_rate)


@action
def function(ctx: RuntimeContext, epochs: int = 10, learning_rate: float = 0.001) -> float:
    """Return a number, when there is a context."""
    return learning_rate if ctx.job_id else epochs


GIVEN: dict[str, object] = {"epochs": 5, "learning_rate": 0.01}


def ways(context: RuntimeContext) -> dict[str, Callable[[], object]]:
    """Return the ways to do the same, the first two without us."""
    executor = LocalExecutor(sink=MemorySink())

    def validate_and_call() -> object:
        return Plain(Params.model_validate(GIVEN), context).execute()

    def validate_call_and_check() -> object:
        result = cast("object", Typed(Params.model_validate(GIVEN), context).execute())
        return result if isinstance(result, Result) else Result.model_validate(result)

    return {
        "validate and call": validate_and_call,
        "validate, call and check": validate_call_and_check,
        "invoke, class": lambda: invoke(Plain, GIVEN, context),
        "invoke, class with result model": lambda: invoke(Typed, GIVEN, context),
        "invoke, function": lambda: invoke(function, GIVEN, context),
        "LocalExecutor, class": lambda: executor.execute(Plain, GIVEN),
    }


def time_calls(rounds: int) -> dict[str, float]:
    """Return the µs of one call by way."""
    context = RuntimeContext(
        MemorySink(),
        env=PluginEnvironment(),
        job_id="benchmark",
        folder=Path(tempfile.gettempdir()) / "synapse-benchmark",
        cancel=CancelToken(),
    )
    best: dict[str, float] = {}
    for _ in range(rounds):
        for name, call in ways(context).items():
            began = time.thread_time()
            for _ in range(CALLS):
                call()
            took = (time.thread_time() - began) / CALLS * 1e6
            best[name] = min(took, best.get(name, took))
    return {name: round(took, 2) for name, took in best.items()}


def time_imports(starts: int) -> dict[str, float]:
    """Return the median CPU ms of each import, less that of an empty interpreter."""
    taken: dict[str, list[float]] = {name: [] for name in IMPORTS}
    for _ in range(starts):
        for name, code in IMPORTS.items():
            taken[name].append(cpu_ms(["-c", code]))
    empty = statistics.median(taken["nothing"])
    return {name: round(statistics.median(all_) - empty, 1) for name, all_ in taken.items()}


def cpu_ms(words: list[str]) -> float:
    """Return user and system time of a fresh interpreter."""
    child = os.posix_spawn(sys.executable, [sys.executable, *words], os.environ)
    _, status, usage = os.wait4(child, 0)
    assert status == 0, words
    return (usage.ru_utime + usage.ru_stime) * 1000


def main() -> int:
    """Measure, print, and tell by the exit code whether the budgets are kept."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--starts", type=int, default=11)
    given = parser.parse_args()
    calls, imports = time_calls(given.rounds), time_imports(given.starts)
    plain = calls["invoke, class"] / calls["validate and call"]
    typed = calls["invoke, class with result model"] / calls["validate, call and check"]
    imported = imports["synapse_core"] / imports["pydantic"]
    ratios = {
        "invoke": round(plain, 2),
        "invoke with result model": round(typed, 2),
        "invoke, function": round(calls["invoke, function"] / calls["validate and call"], 2),
        "LocalExecutor": round(calls["LocalExecutor, class"] / calls["validate and call"], 2),
        "import synapse_core": round(imported, 2),
        "import BaseAction": round(imports["BaseAction"] / imports["pydantic"], 2),
    }
    is_kept = max(plain, typed) <= RUN_BUDGET and imported <= IMPORT_BUDGET
    told = {"call_us": calls, "import_cpu_ms": imports, "ratios": ratios, "is_kept": is_kept}
    print(json.dumps(told, indent=2))
    return 0 if is_kept else 1


if __name__ == "__main__":
    sys.exit(main())

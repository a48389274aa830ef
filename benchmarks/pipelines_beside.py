"""Measures what a node of a pipeline costs here, and beside Prefect and Dagster.

    python benchmarks/pipelines_beside.py

The same graphs of 100 nodes that do nothing: a chain, and ten chains of ten side by side. In
process and, where the other has something like it, each node in a process of its own. The others
are installed into a temporary environment; nothing of ours depends on them.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from synapse_core import action
from synapse_core.operations.runs import StartRun, start_run, wait_run
from synapse_core.pipelines import ActionPipeline, Node
from synapse_core.testing.harness import make_context
from synapse_core.testing.sinks import MemorySink
from synapse_core.workspace import open_workspace

NODES, WIDTH = 100, 10
TIMES = 2

PREFECT = """
import json, sys, time
from prefect import flow, task
@task
def nothing(x):
    return x
@flow
def chain():
    x = 0
    for _ in range(100):
        x = nothing(x)
@flow
def wide():
    ends = []
    for _ in range(10):
        x = 0
        for _ in range(10):
            x = nothing.submit(x)
        ends.append(x)
    for end in ends:
        end.result()
chain(); took = {}
for one in (chain, wide):
    start = time.perf_counter(); one(); took[one.name] = (time.perf_counter() - start) * 10
print("MS", json.dumps(took))
"""

DAGSTER = """
import json, time
from dagster import (DagsterInstance, execute_job, graph, in_process_executor,
                     multiprocess_executor, op, reconstructable)
@op
def first() -> int:
    return 0
@op
def nothing(x: int) -> int:
    return x
def build(rows, columns):
    for row in range(rows):
        x = first.alias(f"n{row}_0")()
        for column in range(1, columns):
            x = nothing.alias(f"n{row}_{column}")(x)
def job(rows, columns, name, executor):
    @graph(name=name)
    def whole():
        build(rows, columns)
    return whole.to_job(executor_def=executor)
def chain_in(): return job(1, 100, "chain_in", in_process_executor)
def wide_in(): return job(10, 10, "wide_in", in_process_executor)
def chain_out(): return job(1, 20, "chain_out", multiprocess_executor)
def wide_out(): return job(10, 2, "wide_out", multiprocess_executor)
if __name__ == "__main__":
    took = {}
    with DagsterInstance.local_temp() as instance:
        for one, nodes in ((chain_in, 100), (wide_in, 100), (chain_out, 20), (wide_out, 20)):
            start = time.perf_counter()
            assert execute_job(reconstructable(one), instance).success
            took[one.__name__] = (time.perf_counter() - start) * 1000 / nodes
    print("MS", json.dumps(took))
"""


@action
def nothing(x: int = 0) -> dict[str, int]:
    """Do nothing."""
    return {"x": x}


def measure_ours() -> dict[str, float]:
    """Return milliseconds a node, by what was measured; the best of some."""
    took: dict[str, float] = {}
    rows: list[Node] = []
    for row in range(WIDTH):
        for column in range(NODES // WIDTH):
            node = Node(nothing, f"n{row}_{column}")
            rows.append(node.inputs(x=rows[-1].x) if column else node.inputs(x=0))
    pipelines = {"chain_in": ActionPipeline([nothing] * NODES), "wide_in": ActionPipeline(rows)}
    for name, pipeline in pipelines.items():
        folder = Path(tempfile.mkdtemp())
        took[name] = best(lambda: pipeline.execute({}, make_context(MemorySink(), folder)))  # noqa: B023 - called here
    with tempfile.TemporaryDirectory() as name:
        plugins = Path(name) / "plugins" / "noop"
        write_plugin(plugins)
        with open_workspace(Path(name) / "home", [plugins.parent]) as workspace:
            for kind in ("chain", "wide"):

                def run(kind: str = kind) -> None:
                    started = start_run(workspace, StartRun(plugin="noop", action=kind))
                    ended = wait_run(workspace, started.id, timeout_s=300)
                    assert ended.status.value == "succeeded", ended.failure

                took[f"{kind}_out"] = best(run)
    return took


def best(call: "object") -> float:
    """Return the milliseconds a node, the best of some calls behind one that warms up."""
    assert callable(call)
    call()
    took: list[float] = []
    for _ in range(TIMES):
        start = time.perf_counter()
        call()
        took.append(time.perf_counter() - start)
    return min(took) * 1e3 / NODES


def write_plugin(folder: Path) -> None:
    """Write a plugin with both graphs."""
    folder.mkdir(parents=True)
    wide = ""
    for row in range(WIDTH):
        for column in range(NODES // WIDTH):
            x = f'"${{n{row}_{column - 1}.x}}"' if column else "0"
            wide += f"      n{row}_{column}: {{action: nothing, inputs: {{x: {x}}}}}\n"
    (folder / "config.yaml").write_text(
        "name: Nothing\ncode: noop\nactions:\n  nothing: {entrypoint: 'noop_actions:nothing'}\n"
        f"pipelines:\n  chain:\n    chain: [{', '.join(['nothing'] * NODES)}]\n"
        f"  wide:\n    nodes:\n{wide}",
        encoding="utf-8",
    )
    (folder / "noop_actions.py").write_text(
        "from pydantic import BaseModel\n\nfrom synapse_core import action\n\n\n"
        "class Number(BaseModel):\n    x: int\n\n\n@action(result=Number)\n"
        "def nothing(x: int = 0):\n    return Number(x=x)\n",
        encoding="utf-8",
    )


def measure_other(python: Path, source: str, folder: Path) -> dict[str, float]:
    """Return what a program prints that runs in an environment with another library."""
    program = folder / f"graphs_{abs(hash(source))}.py"
    program.write_text(source, encoding="utf-8")
    environ = {
        **os.environ,
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_LOGGING_LEVEL": "ERROR",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
        "DAGSTER_DISABLE_TELEMETRY": "yes",
    }
    done = subprocess.run(
        [str(python), str(program)],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
        env=environ,
        cwd=folder,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("MS ")]
    if not lines:
        print(done.stderr[-1500:], file=sys.stderr)
        return {}
    return json.loads(lines[-1][3:])


def main() -> None:
    """Measure all of them, one after the other."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--venv", type=Path, help="environment that has prefect and dagster")
    given = parser.parse_args().venv
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        venv = given or folder / "venv"
        python = venv / "bin" / "python"
        if given is None:
            subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
            subprocess.run(
                [str(python), "-m", "pip", "install", "-q", "prefect", "dagster"], check=True
            )
        found = {
            "synapse": measure_ours(),
            "prefect": measure_other(python, PREFECT, folder),
            "dagster": measure_other(python, DAGSTER, folder),
        }
        for who, took in found.items():
            told = ", ".join(f"{what} {ms:.2f}" for what, ms in took.items()) or "failed"
            print(f"{who}: ms a node: {told}  (load {os.getloadavg()[0]:.1f})")


if __name__ == "__main__":
    main()

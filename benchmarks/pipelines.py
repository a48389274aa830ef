"""Measures what a pipeline costs besides its actions.

    python benchmarks/pipelines.py

In one process: CPU time of a chain of actions that do nothing, beside calling them one by one.
Through workers: a chain, a wide graph and one of ten layers of ten, beside as many plain runs of
the same action, in turns, so that the load of the machine meets all of them; and the CPU time of
the process that conducts them. Budgets: 1 ms a node in process, 25 ms a node through workers on an
idle machine, whatever the graph.

The CPU time of a node is that of the whole machine, since what is forked for it is nobody's child
for long: it means something only while nothing else runs. So the load at the beginning is told.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from synapse_core import action
from synapse_core.operations.runs import StartRun, start_run, wait_run
from synapse_core.pipelines import ActionPipeline
from synapse_core.testing.harness import make_context
from synapse_core.testing.sinks import MemorySink
from synapse_core.workspace import Workspace, open_workspace

NODES = 100
IN_TURNS = 5
BATCH = 20
LAYERS = 10


@action
def nothing(x: int = 0) -> dict[str, int]:
    """Do nothing."""
    return {"x": x}


def measure_in_process() -> None:
    """Print what a node costs in this process."""
    pipeline = ActionPipeline([nothing] * NODES)
    folder = Path(tempfile.mkdtemp())

    def whole() -> None:
        pipeline.execute({}, make_context(MemorySink(), folder))

    def built() -> None:
        ActionPipeline([nothing] * NODES)

    print(f"in process, a node of {NODES}: {cpu_ms(whole) / NODES:.3f} ms CPU (budget 1)")
    print(f"checking a chain of {NODES}: {cpu_ms(built):.1f} ms CPU")


def cpu_ms(call: Callable[[], object]) -> float:
    """Return the CPU time of a call, the best of five."""
    call()
    took: list[float] = []
    for _ in range(5):
        start = time.process_time()
        call()
        took.append(time.process_time() - start)
    return 1e3 * min(took)


def write_plugin(folder: Path) -> None:
    """Write a plugin with an action that does nothing, and pipelines of it."""
    folder.mkdir(parents=True)
    wide = "".join(
        f"      n{number}: {{action: nothing, inputs: {{x: {number}}}}}\n"
        for number in range(BATCH)
    )
    layers = "".join(
        f"      n{layer}x{number}: {{action: nothing, inputs: {{x: {layer}}}, "
        f"after: [{', '.join(f'n{layer - 1}x{one}' for one in range(LAYERS)) if layer else ''}]}}\n"
        for layer in range(LAYERS)
        for number in range(LAYERS)
    )
    (folder / "config.yaml").write_text(
        "name: Nothing\ncode: noop\nactions:\n  nothing: {entrypoint: 'noop_actions:nothing'}\n"
        f"pipelines:\n  line:\n    chain: [{', '.join(['nothing'] * BATCH)}]\n"
        f"  wide:\n    nodes:\n{wide}  layers:\n    nodes:\n{layers}",
        encoding="utf-8",
    )
    (folder / "noop_actions.py").write_text(
        "from synapse_core import action\n\n\n@action\ndef nothing(x: int = 0):\n"
        "    return {'x': x}\n",
        encoding="utf-8",
    )


def measure_through_workers(workspace: Workspace) -> None:
    """Print what a node costs through workers, beside plain runs."""

    def plain() -> None:
        for _ in range(BATCH):
            run(workspace, "nothing")

    took: dict[str, list[Taken]] = {"plain": [], "line": [], "wide": [], "layers": []}
    run(workspace, "nothing")
    run(workspace, "line")
    print(f"load: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for _ in range(IN_TURNS):
        took["plain"].append(taken(plain, BATCH))
        for name, nodes in (("line", BATCH), ("wide", BATCH), ("layers", LAYERS**2)):
            took[name].append(taken(lambda name=name: run(workspace, name), nodes))
    base = statistics.median(wall for wall, _ in took["plain"])
    print(f"plain run, started and waited for: {base:.1f} ms")
    for name, what in (
        ("line", "one after the other"),
        ("wide", "four at once"),
        ("layers", "ten layers of ten, four at once"),
    ):
        walls, cpus = zip(*took[name], strict=True)
        ms = statistics.median(walls)
        print(
            f"node, {what}: median {ms:.1f} ms, best {min(walls):.1f} ms, {ms / base:.2f} plain "
            f"runs; the machine's CPU, least {min(cpus):.1f} ms"
        )


def measure_conductor(workspace: Workspace) -> None:
    """Print the CPU time of the process that conducts a pipeline."""
    started = start_run(workspace, StartRun(plugin="noop", action="line"))
    note = workspace.home.run_dir(started.id) / "worker"
    ticks = 0
    while not workspace.runs.get(started.id).status.is_terminal:
        try:
            pid = int(note.read_text().split(":")[-2])
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks = int(fields[11]) + int(fields[12])
        except (OSError, ValueError, IndexError):
            continue  # it has not begun, or has just ended
    print(f"conductor: {10 * ticks} ms CPU for {BATCH} nodes, start included")


def run(workspace: Workspace, name: str) -> None:
    """Run an action or a pipeline to its end."""
    started = start_run(workspace, StartRun(plugin="noop", action=name))
    ended = wait_run(workspace, started.id, timeout_s=120)
    assert ended.status.value == "succeeded", ended.failure


Taken = tuple[float, float]
"""Milliseconds that passed, and of CPU time of the machine."""


def taken(call: Callable[[], object], nodes: int) -> Taken:
    """Return what a call takes for each of so many nodes."""
    busy, start = busy_ms(), time.perf_counter()
    call()
    passed = 1e3 * (time.perf_counter() - start)
    return passed / nodes, (busy_ms() - busy) / nodes


def busy_ms() -> float:
    """Return how long the machine's cores were busy since it started; in steps of 10 ms."""
    cores = Path("/proc/stat").read_text(encoding="ascii").partition("\n")[0].split()[1:9]
    user, nice, system, _idle, _waiting, irq, softirq, _stolen = map(int, cores)
    return 1e3 * (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure all of it."""
    measure_in_process()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_plugin(folder / "plugins" / "noop")
        with open_workspace(folder / "home", [folder / "plugins"]) as workspace:
            measure_through_workers(workspace)
            measure_conductor(workspace)


if __name__ == "__main__":
    main()

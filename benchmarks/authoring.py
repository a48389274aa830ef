"""What an author waits for: a new plugin, and the check of a large one.

    .venv/bin/python benchmarks/authoring.py [--actions N] [--times N]

Wall time of the operations, in a home and a folder made for it; the machine should do nothing else.
Prints one JSON object. Budgets: DESIGN names them for a plugin of 100 actions.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from synapse_core.checks.stamps import stamp_folder
from synapse_core.model.plugin import PluginCategory
from synapse_core.operations.checking import check_plugin
from synapse_core.operations.scaffolding import CreatePlugin, create_plugin
from synapse_core.workspace import Workspace, open_workspace

BUDGETS_MS = {"create": 300.0, "check_changed": 1000.0, "check_unchanged": 50.0}

MODULE = '''"""Action {number}."""

from pydantic import BaseModel, Field
from synapse_core import BaseAction


class Params{number}(BaseModel):
    """What it is given."""

    epochs: int = Field(default=3, ge=1, description="How often")
    name: str = "x"


class Result{number}(BaseModel):
    """What it returns."""

    loss: float


class Action{number}(BaseAction[Params{number}]):
    """Count down."""

    action_name = "action_{number}"
    result_model = Result{number}

    def execute(self) -> Result{number}:
        """Count."""
        for epoch in range(self.params.epochs):
            self.ctx.check_cancelled()
            self.set_progress(epoch + 1, self.params.epochs)
        return Result{number}(loss=0.5)
'''


def main() -> int:
    """Measure, print, and tell by the exit code whether the budgets are kept."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--actions", type=int, default=100)
    parser.add_argument("--times", type=int, default=7)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "plugins"
        root.mkdir()
        with open_workspace(Path(name) / "home", [root]) as workspace:
            figures = measure_all(workspace, given.actions, given.times)
    is_kept = all(figures[what]["median"] <= budget for what, budget in BUDGETS_MS.items())
    told = {"wall_ms": figures, "actions": given.actions, "budgets_ms": BUDGETS_MS}
    print(json.dumps({**told, "is_kept": is_kept}, indent=2))
    return 0 if is_kept else 1


def measure_all(workspace: Workspace, actions: int, times: int) -> dict[str, dict[str, float]]:
    """Return the figures by what was done."""
    root = workspace.roots[0]
    workspace.inspector.inspect(root, {}, timeout_s=30)  # starts the zygote, which stays
    folder = write_large(root, actions)

    def create(number: int) -> None:
        request = CreatePlugin(code=f"made_{number}", category=PluginCategory.NEURAL_NET)
        create_plugin(workspace, request)

    def check_changed(number: int) -> None:
        with (folder / "large" / "m0.py").open("a", encoding="utf-8") as file:
            file.write(f"# {number}\n")
        report = check_plugin(workspace, folder)
        assert report.ok
        assert not report.is_kept

    def check_unchanged(_number: int) -> None:
        assert check_plugin(workspace, folder).is_kept

    figures = {"create": measure(create, times), "check_changed": measure(check_changed, times)}
    while not stamp_folder(folder):  # files of just now are not trusted to be unchanged
        time.sleep(0.01)
    check_plugin(workspace, folder)
    return {**figures, "check_unchanged": measure(check_unchanged, times)}


def measure(run: Callable[[int], None], times: int) -> dict[str, float]:
    """Return least and median of the milliseconds that it takes."""
    took: list[float] = []
    for number in range(times):
        started = time.perf_counter()
        run(number)
        took.append((time.perf_counter() - started) * 1000)
    return {"least": round(min(took), 1), "median": round(statistics.median(took), 1)}


def write_large(root: Path, actions: int) -> Path:
    """Write a plugin of so many actions, each in a module with models of its own."""
    folder = root / "large"
    package = folder / "large"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text('"""Large."""\n', encoding="utf-8")
    lines = ["name: Large", "code: large", "version: 1.0.0", "actions:"]
    for number in range(actions):
        module = MODULE.replace("{number}", str(number))
        (package / f"m{number}.py").write_text(module, encoding="utf-8")
        lines += [f"  action_{number}:", f"    entrypoint: large.m{number}:Action{number}"]
    (folder / "config.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


if __name__ == "__main__":
    sys.exit(main())

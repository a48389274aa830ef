"""What a plugin's libraries cost: their first installation, and every run after it.

    .venv/bin/python benchmarks/dependencies.py [--runs N]

Two plugins that do nothing run in turn, one with an environment of its own and one without, so that
what else happens on the machine hits both alike. Installs one tiny wheel from the disk, without an
index. Prints one JSON object. Budget: reuse adds 20 ms to a run's start.
"""

import argparse
import base64
import hashlib
import json
import os
import statistics
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from synapse_core.config.home import Home
from synapse_core.dependencies.need import find_needed
from synapse_core.dependencies.venvs import Venvs
from synapse_core.executors.process import ProcessExecutor
from synapse_core.model.run import Run, RunStatus
from synapse_core.runs.ids import new_run_id
from synapse_core.runs.reading import Journals
from synapse_core.runs.store.sqlite import SqliteRunStore

BUDGET_MS = 20.0
ACTION = """
from pydantic import BaseModel
from synapse_core import action

class Params(BaseModel):
    pass

@action
def main(params: Params) -> int:
    return 1
"""


def main() -> int:
    """Measure, print, and tell by the exit code whether the budget is kept."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=40)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        home = Home(place / "home")
        home.ensure()
        told = measure(home, make_plugin(place / "bare"), make_plugin(place / "own"), given.runs)
    print(json.dumps(told, indent=2))
    return 0 if told["is_kept"] else 1


def measure(home: Home, bare: Path, own: Path, count: int) -> dict[str, object]:
    """Return all figures, in milliseconds."""
    add_wheel(own / "wheels")
    store = SqliteRunStore(home.database)
    executor = ProcessExecutor(home, os.environ)
    first = run_once(home, store, executor, own)
    for plugin in (bare, own):
        run_once(home, store, executor, plugin)
    pairs = [
        (run_once(home, store, executor, bare), run_once(home, store, executor, own))
        for _ in range(count)
    ]
    store.close()
    added = statistics.median(own_ms - bare_ms for bare_ms, own_ms in pairs)
    return {
        "first_run_with_installation_ms": round(first, 1),
        "bare_ms": round(statistics.median(bare_ms for bare_ms, _ in pairs), 2),
        "own_environment_ms": round(statistics.median(own_ms for _, own_ms in pairs), 2),
        "added_ms": round(added, 2),
        "find_ms": {plugin.name: find_ms(home, plugin) for plugin in (bare, own)},
        "fastest_ms": [round(min(times), 2) for times in zip(*pairs, strict=True)],
        "runs": count,
        "budget_ms": BUDGET_MS,
        "is_kept": added <= BUDGET_MS,
        "python": sys.version.partition(" ")[0],
    }


def run_once(home: Home, store: SqliteRunStore, executor: ProcessExecutor, plugin: Path) -> float:
    """Return the milliseconds from the submission until the result stands in the store."""
    now = time.time()
    run = store.create(
        Run(
            id=new_run_id(now),
            plugin=plugin.name,
            action="main",
            entrypoint="actions:main",
            plugin_path=str(plugin),
            created_at=now,
        )
    )
    journals, cursor = Journals(home), None
    start = time.perf_counter()
    executor.submit(run)
    while not (ended := store.get(run.id)).status.is_terminal:
        journals.wait(run.id, cursor, timeout_s=0.005)
        cursor = journals.read(run.id, after=cursor).next_cursor
    took = time.perf_counter() - start
    assert ended.status is RunStatus.SUCCEEDED, ended.failure
    return took * 1000


def find_ms(home: Home, plugin: Path) -> float:
    """Return the milliseconds it takes to know what an unchanged plugin needs."""
    times: list[float] = []
    venvs = Venvs(home.cache_dir)
    for _ in range(200):
        start = time.perf_counter()
        venv = find_needed(venvs, plugin)
        if venv is not None:
            assert venv.use() is not None
        times.append((time.perf_counter() - start) * 1000)
    return round(statistics.median(times), 3)


def make_plugin(folder: Path) -> Path:
    """Write a plugin that does nothing."""
    folder.mkdir(parents=True)
    (folder / "actions.py").write_text(ACTION, encoding="utf-8")
    return folder


def add_wheel(folder: Path) -> None:
    """Write a wheel of one empty module."""
    folder.mkdir()
    info = "tinylib-1.0.dist-info"
    files = {
        "tinylib.py": "",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: tinylib\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(folder / "tinylib-1.0-py3-none-any.whl", "w") as wheel:
        record = f"{info}/RECORD,,\n"
        for name, text in files.items():
            wheel.writestr(name, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode()
            record += f"{name},sha256={digest.rstrip('=')},{len(text)}\n"
        wheel.writestr(f"{info}/RECORD", record)


if __name__ == "__main__":
    sys.exit(main())

"""Imports go down only, and nothing heavy comes before it is needed."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("synapse_core", "synapse_mcp")
HEAVY = ("ray", "mcp", "mcp_types", "httpx", "httpx2", "starlette", "uvicorn", "jinja2", "torch")


def modules() -> list[str]:
    """Return the full name of every module of both packages."""
    found = [
        path.relative_to(ROOT).with_suffix("")
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if "templates" not in path.parts
    ]
    names = [".".join(path.parts).removesuffix(".__init__") for path in found]
    return sorted(name for name in names if not name.endswith("__main__"))


def run_python(code: str, *args: str, timeout_s: float = 50) -> str:
    """Run code in a fresh interpreter outside the checkout's folder and return its stdout."""
    done = subprocess.run(
        [sys.executable, "-c", code, *args],
        check=False,
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_contract_on_the_floors_is_kept() -> None:
    linter = Path(sys.executable).with_name("lint-imports")

    done = subprocess.run(
        [linter, "--no-cache", "--no-logo"], cwd=ROOT, check=False, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "imports",
    [
        ["synapse_core"],
        ["synapse_mcp.cli.__main__"],
        ["synapse_core.operations.runs", "synapse_core.workspace", "synapse_core.testing"],
    ],
)
def test_a_fresh_interpreter_imports_nothing_heavy(imports: Sequence[str]) -> None:
    code = f"import {', '.join(imports)}, json, sys; print(json.dumps(list(sys.modules)))"

    loaded = set(json.loads(run_python(code)))

    assert not loaded & set(HEAVY)


@pytest.mark.parametrize("words", [["--help"], ["run", "list"]])
def test_a_quick_command_imports_nothing_heavy(words: list[str], tmp_path: Path) -> None:
    code = """
import json, os, sys
report = os.dup(1)
os.dup2(2, 1)
from synapse_mcp.cli.__main__ import main
sys.argv = ["synapse", *sys.argv[2:]]
os.environ["SYNAPSE_HOME"] = HOME
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
os.write(report, json.dumps(list(sys.modules)).encode())
""".replace("HOME", repr(str(tmp_path)))

    loaded = set(json.loads(run_python(code, "synapse", *words)))

    assert not loaded & set(HEAVY)


@pytest.mark.timeout(200)
def test_every_module_can_be_the_first_one_imported() -> None:
    """A cycle hides as long as another module happens to be imported before.

    Each module is imported in a fork of its own, two at a time. What others have written is loaded
    once, before: a fork that has imported everything tells what that is.
    """
    code = """
import contextlib, importlib, os, sys, traceback
children = {}

def fork(name, work):
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    children[child] = name

def reap():
    child, status = os.wait()
    name = children.pop(child)
    if status != 0:
        print(name)

def tell_others():
    for name in sys.argv[1:]:
        importlib.import_module(name)
    others = [name for name in sys.modules if not name.startswith('synapse_')]
    os.write(told, ' '.join(others).encode())

reading, told = os.pipe()
fork('everything', tell_others)
os.close(told)
for name in open(reading).read().split():
    with contextlib.suppress(ImportError):  # some are not modules of their own
        importlib.import_module(name)
for name in sys.argv[1:]:
    if len(children) == 2:
        reap()
    fork(name, lambda: importlib.import_module(name))
while children:
    reap()
"""
    assert run_python(code, *modules(), timeout_s=100).split() == []

"""Plugins that are written in unusual ways, but run: no finding may call them broken."""

from pathlib import Path

import pytest

from synapse_core.model.run import RunStatus
from synapse_core.operations.checking import check_plugin
from synapse_core.operations.runs import StartRun, start_run, wait_run
from synapse_core.workspace import Workspace

HEAD = """\
from pydantic import BaseModel
from synapse_core import BaseAction, action


class P(BaseModel):
    n: int = 3
"""
RUN = """

class Run(BaseAction[P]):
    def execute(self) -> dict[str, int]:
        return {"n": self.params.n}
"""
PLAIN = HEAD + RUN


def needing(module: str) -> str:
    return f"from {module} import LIMIT\n{PLAIN}"


PLUGINS: dict[str, tuple[str, dict[str, str]]] = {
    "a model of one letter": ("main:Run", {"main.py": PLAIN}),
    "a type variable beside the params": (
        "main:Run",
        {
            "main.py": HEAD
            + "from typing import Generic, TypeVar\n\nItem = TypeVar('Item')\n"
            + "class Base(BaseAction[P], Generic[Item]): ...\n"
            + "class Run(Base[int]):\n    def execute(self): return {'n': 1}\n"
        },
    ),
    "a model named two bases below": (
        "main:Run",
        {
            "main.py": HEAD
            + "from typing import TypeVar\nT = TypeVar('T', bound=BaseModel)\n"
            + "class Base(BaseAction[T]): ...\nclass Middle(Base[T]): ...\n"
            + "class Run(Middle[P]):\n    def execute(self): return {'n': 1}\n"
        },
    ),
    "a function under a decorator of its own": (
        "main:run",
        {
            "main.py": HEAD
            + "import functools\n\ndef twice(f):\n    @functools.wraps(f)\n"
            + "    def both(*given, **named):\n        f(*given, **named)\n"
            + "        return f(*given, **named)\n    return both\n\n"
            + "@twice\n@action\ndef run(n: int = 1) -> int:\n    return n\n"
        },
    ),
    "execute is assigned": (
        "main:Run",
        {"main.py": HEAD + "class Run(BaseAction[P]):\n    execute = lambda self: {'n': 1}\n"},
    ),
    "the package is made on demand": (
        "lazy:Run",
        {
            "lazy/__init__.py": "def __getattr__(name):\n    if name == 'Run':\n"
            "        from lazy.real import Run\n        return Run\n"
            "    raise AttributeError(name)\n",
            "lazy/real.py": PLAIN,
        },
    ),
    "a package called env": ("env.main:Run", {"env/main.py": PLAIN, "env/__init__.py": ""}),
    "a package called build": (
        "build.main:Run",
        {"build/main.py": PLAIN, "build/__init__.py": ""},
    ),
    "an action among the tests": ("tests.main:Run", {"tests/main.py": PLAIN}),
    "a module called test_run": ("test_run:Run", {"test_run.py": PLAIN}),
    "a helper among the tests": (
        "main:Run",
        {"main.py": needing("tests.limits"), "tests/limits.py": "LIMIT = 3\n"},
    ),
    "a helper behind a link": (
        "main:Run",
        {"main.py": needing("linked.limits"), "real/limits.py": "LIMIT = 3\n", "linked": "real"},
    ),
    "a name that may be missing": (
        "main:Run",
        {
            "main.py": HEAD
            + "class Run(BaseAction[P]):\n    def execute(self):\n        n: Unknown = 1\n"
            + "        try:\n            n = unicode\n        except NameError:\n"
            + "            n = 2\n        return {'n': n}\n"
        },
    ),
    "a name that a function makes": (
        "main:Run",
        {
            "main.py": HEAD
            + "def fill():\n    global filled\n    filled = 2\n"
            + "class Run(BaseAction[P]):\n    def execute(self):\n        fill()\n"
            + "        return {'n': filled, 'c': __class__.__name__, 'f': __file__}\n"
        },
    ),
    "steps with what their base gives": (
        "main:Run",
        {
            "main.py": HEAD
            + "from synapse_core import BaseStep, StepResult\n"
            + "class Named(BaseStep):\n    progress_weight = 1.0\n"
            + "    def __init__(self, name): self._name = name\n"
            + "    @property\n    def name(self): return self._name\n"
            + "class Say(Named):\n    def execute(self, context): return StepResult()\n"
            + "class Run(BaseAction[P]):\n    def setup_steps(self, registry):\n"
            + "        registry.register(Say('one'))\n        registry.register(Say('two'))\n"
        },
    ),
    "a fork while it is imported": (
        "main:Run",
        {"main.py": f"import os\n{PLAIN}\nif os.fork() == 0:\n    pass\n"},
    ),
    "a long chain of elif": (
        "main:Run",
        {
            "main.py": f"{PLAIN}\nif not __name__:\n    pass\n"
            + "".join(f"elif __name__ == '{n}':\n    import m{n}\n" for n in range(400))
        },
    ),
    "a base by another name": (
        "main:Run",
        {
            "main.py": "from synapse_core import *\nfrom pydantic import BaseModel\n"
            "class P(BaseModel):\n    n: int = 3\nBase = BaseAction\n"
            "class Real(Base[P]):\n    def execute(self): return {'n': 1}\nRun = Real\n"
        },
    ),
    "numbers that JSON cannot say": (
        "main:run",
        {
            "main.py": HEAD
            + "@action\ndef run(most: float = float('inf'), n: int = 3) -> int:\n    return n\n"
        },
    ),
}


def write(folder: Path, entrypoint: str, files: dict[str, str]) -> Path:
    manifest = f"name: Odd\ncode: odd\nactions:\n  run:\n    entrypoint: {entrypoint}\n"
    for name, text in {"config.yaml": manifest, **files}.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if "." in name:
            file.write_text(text, encoding="utf-8")
        else:
            file.symlink_to(text)
    return folder


@pytest.mark.parametrize("name", PLUGINS)
def test_what_runs_is_not_called_broken(workspace: Workspace, folder: Path, name: str) -> None:
    plugin = str(write(folder, *PLUGINS[name]))

    report = check_plugin(workspace, plugin)

    assert [(one.code, one.message) for one in report.diagnostics if one.severity == "error"] == []
    run = start_run(workspace, StartRun(plugin=plugin, action="run"))
    assert wait_run(workspace, run.id, timeout_s=30).status is RunStatus.SUCCEEDED

"""Runs of plugins that ask for libraries, through the executor that people use."""

import os
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

from synapse_core.config.home import Home
from synapse_core.dependencies.venvs import Venvs
from synapse_core.errors import DependencyError, RunTimeoutError
from synapse_core.executors.process import ProcessExecutor
from synapse_core.model.event import Event, EventKind
from synapse_core.model.run import Run, RunStatus
from synapse_core.runs.ids import new_run_id
from synapse_core.runs.reading import Journals
from synapse_core.runs.store.sqlite import SqliteRunStore
from tests.dependencies.conftest import OFFLINE
from tests.dependencies.test_building import HANGING_BACKEND, ROOT
from tests.dependencies.wheels import make_wheel

PATIENCE_S = 50.0
SOURCE = """
    import os
    import sys

    from pydantic import BaseModel
    from synapse_core import action
    from synapse_core.context import RuntimeContext


    class Params(BaseModel):
        pass


    @action
    def main(params: Params, ctx: RuntimeContext) -> dict[str, str]:
        import LIBRARY
        return {
            "version": LIBRARY.VERSION,
            "executable": sys.executable,
            "seen": " ".join(sorted(os.environ)),
        }
"""


@dataclass
class Site:
    """A home with its executor, and plugins beside it."""

    home: Home
    store: SqliteRunStore
    executor: ProcessExecutor

    @property
    def folder(self) -> Path:
        return self.home.root.parent

    def plugin(self, name: str, requirements: str, *, library: str = "tinylib") -> Path:
        folder = self.folder / name
        folder.mkdir()
        source = dedent(SOURCE).replace("LIBRARY", library)
        (folder / "actions.py").write_text(source, encoding="utf-8")
        (folder / "requirements.txt").write_text(requirements, encoding="utf-8")
        return folder

    def hanging_plugin(self) -> Path:
        """Return a plugin whose library takes as long as the file `hang` is there."""
        plugin = self.plugin("slow", "./slowlib\n", library="slowlib")
        source = plugin / "slowlib"
        source.mkdir()
        self.hang.touch()
        backend = HANGING_BACKEND.format(root=str(ROOT), begun=str(self.begun), hang=str(self.hang))
        (source / "backend.py").write_text(backend, encoding="utf-8")
        (source / "pyproject.toml").write_text(
            '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
            encoding="utf-8",
        )
        return plugin

    @property
    def hang(self) -> Path:
        return self.folder / "hang"

    @property
    def begun(self) -> Path:
        return self.folder / "begun"

    def start(self, plugin: Path) -> Run:
        now = time.time()
        run = self.store.create(
            Run(
                id=new_run_id(now),
                plugin=plugin.name,
                action="main",
                entrypoint="actions:main",
                plugin_path=str(plugin),
                created_at=now,
            )
        )
        self.executor.submit(run)
        return run

    def end(self, run: Run) -> Run:
        """Wait until the run has ended and return it."""
        journals, cursor = Journals(self.home), None
        until = time.monotonic() + PATIENCE_S
        while not (now := self.store.get(run.id)).status.is_terminal:
            assert time.monotonic() < until, self.events(run)
            journals.wait(run.id, cursor, timeout_s=0.2)
            cursor = journals.read(run.id, after=cursor).next_cursor
        return now

    def run(self, plugin: Path) -> Run:
        return self.end(self.start(plugin))

    def events(self, run: Run) -> tuple[Event, ...]:
        return Journals(self.home).read(run.id).items


@contextmanager
def open_site(folder: Path) -> Generator[Site]:
    home = Home(folder / "home")
    home.ensure()
    environ = {**os.environ, **OFFLINE, "PIP_INDEX_SECRET": "hidden"}
    store = SqliteRunStore(home.database)
    yield Site(home, store, ProcessExecutor(home, environ))
    store.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path) as opened:
        for version in ("1.0", "2.0"):
            make_wheel(tmp_path / "links", "tinylib", version)
        yield opened


def asking(version: str) -> str:
    return f"--no-index\n-f ../links\ntinylib=={version}\n"


def text_of(run: Run, key: str) -> str:
    assert isinstance(run.result, dict), run.failure
    return str(run.result[key])


def test_conflicting_versions_run_side_by_side(site: Site) -> None:
    old = site.start(site.plugin("old", asking("1.0")))
    new = site.start(site.plugin("new", asking("2.0")))

    versions = [text_of(site.end(run), "version") for run in (old, new)]

    assert versions == ["1.0", "2.0"]


def test_the_first_run_installs_and_says_so_and_the_second_does_not(site: Site) -> None:
    plugin = site.plugin("p", asking("1.0"))

    first, second = site.run(plugin), site.run(plugin)

    said = [str(event.data.get("message")) for event in site.events(first)]
    assert any("tinylib==1.0" in line for line in said)
    progress = [e.data for e in site.events(first) if e.kind is EventKind.PROGRESS]
    assert all(data["category"] == "dependencies" for data in progress)
    assert progress[-1]["percent"] == 100.0
    assert [event.kind for event in site.events(second)] == ["status", "output", "status"]
    assert text_of(first, "executable") == text_of(second, "executable")


def test_an_action_finds_its_environment_and_no_secret_of_the_installer(site: Site) -> None:
    plugin = site.plugin("p", asking("1.0"))
    for run in (site.run(plugin), site.run(plugin)):
        seen = text_of(run, "seen").split()
        assert "VIRTUAL_ENV" in seen
        assert not [name for name in seen if name.startswith(("PIP_", "UV_"))]


def test_a_library_that_cannot_be_had_fails_the_run_and_says_which(site: Site) -> None:
    run = site.run(site.plugin("p", "--no-index\n# why\nno-such-library>=3\n"))

    assert run.status is RunStatus.FAILED
    assert run.failure is not None
    assert run.failure.code == "dependency_failed"
    assert "'no-such-library>=3' (requirements.txt:3)" in run.failure.message
    assert run.failure.hint
    assert [event.kind for event in site.events(run)][-2:] == ["error", "status"]


def test_what_can_never_be_had_is_refused_before_the_run_is_placed(site: Site) -> None:
    with pytest.raises(DependencyError, match="pydantic<2"):
        site.start(site.plugin("p", "pydantic<2\n"))


def test_a_run_can_be_cancelled_while_its_libraries_are_installed(site: Site) -> None:
    run = site.start(site.hanging_plugin())
    until(site.begun.exists)

    site.store.request_cancel(run.id)
    site.executor.cancel(site.store.get(run.id))

    assert site.end(run).status is RunStatus.CANCELLED
    assert not [venv for venv in Venvs(site.home.cache_dir).all() if venv.use() is not None]


def test_a_cancel_request_during_the_change_of_interpreters_is_not_lost(site: Site) -> None:
    """Sent as often as there is time: before, during and after the change."""
    plugin = site.hanging_plugin()
    source = (plugin / "actions.py").read_text(encoding="utf-8")
    wait = "    import time; time.sleep(30)\n    return {"
    (plugin / "actions.py").write_text(source.replace("    return {", wait), encoding="utf-8")
    run = site.start(plugin)
    until(site.begun.exists)
    site.hang.unlink()
    venvs = Venvs(site.home.cache_dir)
    until(lambda: any(venv.use() is not None for venv in venvs.all()))

    site.store.request_cancel(run.id)
    begun_at = time.monotonic()
    site.executor.cancel(site.store.get(run.id))

    assert site.end(run).status is RunStatus.CANCELLED
    assert time.monotonic() - begun_at < 20


def test_an_interpreter_that_does_not_start_any_more_is_made_anew(site: Site) -> None:
    plugin = site.plugin("p", asking("1.0"))
    site.run(plugin)
    (venv,) = Venvs(site.home.cache_dir).all()
    for extension in venv.folder.glob("lib/*/site-packages/zz_synapse.pth"):
        extension.write_text("", encoding="utf-8")

    assert text_of(site.run(plugin), "version") == "1.0"


def test_an_inspection_installs_first(site: Site) -> None:
    plugin = site.plugin("p", asking("1.0"))
    source = (plugin / "actions.py").read_text(encoding="utf-8")
    (plugin / "actions.py").write_text(f"import tinylib\n{source}", encoding="utf-8")

    first = site.executor.inspect(plugin, {"main": "actions:main"}, timeout_s=PATIENCE_S)
    second = site.executor.inspect(plugin, {"main": "actions:main"}, timeout_s=PATIENCE_S)

    for answer in (first, second):
        assert answer["errors"] == {}
    assert float(str(first["installing_s"])) > float(str(second["installing_s"]))


def test_an_inspection_tells_which_library_cannot_be_had(site: Site) -> None:
    plugin = site.plugin("p", "--no-index\nno-such-library\n")

    with pytest.raises(DependencyError, match="'no-such-library'") as told:
        site.executor.inspect(plugin, {}, timeout_s=PATIENCE_S)

    assert told.value.data["line"] == 2


def test_an_installation_outlives_the_patience_of_an_inspection(site: Site) -> None:
    plugin = site.hanging_plugin()

    with pytest.raises(RunTimeoutError, match="still being installed"):
        site.executor.inspect(plugin, {}, timeout_s=0.5)
    until(site.begun.exists)
    site.hang.unlink()

    answer = site.executor.inspect(plugin, {"main": "actions:main"}, timeout_s=PATIENCE_S)
    assert answer["errors"] == {}


def test_a_plugin_that_asks_for_nothing_gets_no_environment(site: Site) -> None:
    plugin = site.plugin("p", "pydantic\n", library="pydantic")

    run = site.run(plugin)

    assert run.status is RunStatus.SUCCEEDED
    assert Venvs(site.home.cache_dir).all() == []


def until(holds: Callable[[], bool]) -> None:
    end, never = time.monotonic() + PATIENCE_S, threading.Event()
    while not holds():
        assert time.monotonic() < end
        never.wait(0.002)

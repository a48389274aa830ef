"""Real environments, made by real installers from wheels on the disk."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from synapse_core.dependencies.building import provide
from synapse_core.dependencies.need import find_needed
from synapse_core.dependencies.upkeep import list_venvs, prune_venvs
from synapse_core.dependencies.venv import Venv
from synapse_core.errors import DependencyError, RunCancelledError, StorageError
from tests.dependencies.conftest import OFFLINE, Bench
from tests.dependencies.wheels import make_wheel

LINKS = "--no-index\n-f ../links\n"
MANAGERS = ["uv", "pip"]
ROOT = Path(__file__).parents[2]

HANGING_BACKEND = """
import os, sys, time
sys.path.insert(0, {root!r})
from tests.dependencies.wheels import make_wheel
def build_wheel(directory, *_):
    open({begun!r}, "w").close()
    while os.path.exists({hang!r}):
        time.sleep(0.02)
    from pathlib import Path
    return make_wheel(Path(directory), "slowlib", "1.0").name
"""


def run_in(venv: Venv, code: str) -> str:
    done = subprocess.run(
        [venv.python, "-c", code], check=True, capture_output=True, text=True, cwd="/"
    )
    return done.stdout.strip()


def slow_plugin(bench: Bench) -> tuple[Path, Path, Path]:
    """Return a plugin whose library takes as long as a file is there, that file, and a sign."""
    plugin = bench.plugin("slow", "./slowlib\n")
    source = plugin / "slowlib"
    source.mkdir()
    hang, begun = bench.folder / "hang", bench.folder / "begun"
    hang.touch()
    (source / "backend.py").write_text(
        HANGING_BACKEND.format(root=str(ROOT), begun=str(begun), hang=str(hang)), encoding="utf-8"
    )
    (source / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
        encoding="utf-8",
    )
    return plugin, hang, begun


@pytest.mark.parametrize("manager", MANAGERS)
def test_a_library_is_installed_with_what_it_needs(bench: Bench, manager: str) -> None:
    make_wheel(bench.folder / "links", "tinylib", "1.0", requires=["otherlib"])
    bench.wheel("otherlib", "3.0")
    plugin = bench.plugin("p", f"{LINKS}tinylib\n", manager=manager)

    venv = bench.provide(plugin)

    assert venv is not None
    assert run_in(venv, "import tinylib, otherlib; print(tinylib.VERSION, otherlib.VERSION)") == (
        "1.0 3.0"
    )
    assert bench.stages == [0, 1, 2, 3, 4]
    assert find_needed(bench.venvs, plugin) == venv


def test_the_own_libraries_come_first_and_synapse_is_behind_them(bench: Bench) -> None:
    bench.wheel("yaml", "99.0")
    venv = bench.provide(bench.plugin("p", f"{LINKS}yaml\n"))
    assert venv is not None

    code = "import yaml, pydantic, synapse_core; print(yaml.VERSION, pydantic.VERSION)"

    import pydantic  # noqa: PLC0415 - beside the code that is compared with it

    assert run_in(venv, code) == f"99.0 {pydantic.VERSION}"


def test_wheels_of_the_plugin_need_no_index(bench: Bench) -> None:
    plugin = bench.plugin("p")
    make_wheel(plugin / "wheels", "tinylib", "1.0")

    venv = bench.provide(plugin)

    assert venv is not None
    assert run_in(venv, "import tinylib; print(tinylib.VERSION)") == "1.0"


def test_conflicting_versions_live_side_by_side(bench: Bench) -> None:
    for version in ("1.0", "2.0"):
        bench.wheel("tinylib", version)
    found = [
        bench.provide(bench.plugin(name, f"{LINKS}tinylib=={version}\n"))
        for name, version in (("old", "1.0"), ("new", "2.0"))
    ]

    versions = [run_in(venv, "import tinylib; print(tinylib.VERSION)") for venv in found if venv]

    assert versions == ["1.0", "2.0"]


@pytest.mark.parametrize("manager", MANAGERS)
@pytest.mark.parametrize(
    ("lines", "requirement", "line", "kind", "words"),
    [
        ("no-such-lib>=1\n", "no-such-lib>=1", 3, "not_found", "is not to be had"),
        ("otherlib\ntinylib>=2\n", "tinylib>=2", 4, "not_found", "is not to be had"),
        ("tinylib\notherlib<2\n", "tinylib", 3, "conflict", "contradicts another"),
        ("needy\n", "needy", 3, "conflict", "contradicts another"),
        ("tinylib==1.0 --hash=sha256:" + "0" * 64, "tinylib==1.0", 3, "hash", "hash"),
    ],
    ids=["unknown", "too new", "conflict", "worker", "hash"],
)
def test_an_error_names_the_requirement_the_reason_and_the_remedy(
    bench: Bench, manager: str, lines: str, requirement: str, line: int, kind: str, words: str
) -> None:
    make_wheel(bench.folder / "links", "tinylib", "1.0", requires=["otherlib>=2"])
    make_wheel(bench.folder / "links", "needy", "1.0", requires=["pydantic<2"])
    for version in ("1.0", "2.0"):
        bench.wheel("otherlib", version)
    plugin = bench.plugin("p", LINKS + lines, manager=manager)

    with pytest.raises(DependencyError, match=words) as told:
        bench.provide(plugin)

    error = told.value
    assert error.data["requirement"] == requirement
    assert (error.data["file"], error.data["line"]) == ("requirements.txt", line)
    assert error.data["kind"] == kind
    assert f"{manager} says" in error.message
    assert error.hint
    assert ("pydantic==" in error.hint) == (requirement == "needy")
    assert list_venvs(bench.venvs) == []


def test_an_option_that_the_installer_refuses_is_told(bench: Bench) -> None:
    plugin = bench.plugin("p", "tinylib\n", manager="uv\npackage_manager_options: [--nonsense]")

    with pytest.raises(DependencyError, match="package_manager_options"):
        bench.provide(plugin)


def test_an_index_that_does_not_answer_is_told_without_its_password(bench: Bench) -> None:
    lines = "-i http://user:secret@127.0.0.1:9/simple\ntinylib\n"  # the discard port of this host
    plugin = bench.plugin("p", lines, manager="uv")
    variables = {**OFFLINE, "UV_OFFLINE": "0", "UV_HTTP_RETRIES": "0"}

    with pytest.raises(DependencyError, match="does not answer") as told:
        provide(bench.venvs, plugin, variables, bench.watcher())

    assert "secret" not in f"{told.value}{bench.said}"


def test_a_library_that_hides_a_module_of_the_worker_is_told(bench: Bench) -> None:
    bench.wheel("pydantic_core", "0.1")
    make_wheel(bench.folder / "links", "hider", "1.0", module="pydantic")
    plugin = bench.plugin("p", f"{LINKS}hider\n")

    with pytest.raises(DependencyError, match="worker does not start"):
        bench.provide(plugin)


def test_of_two_that_want_the_same_one_installs_and_the_other_waits(bench: Bench) -> None:
    bench.wheel("tinylib", "1.0")
    plugins = [bench.plugin(name, f"{LINKS}tinylib\n") for name in ("a", "b", "c")]
    found: list[Venv | None] = []
    together = threading.Barrier(len(plugins))

    def want(plugin: Path) -> None:
        together.wait()
        found.append(bench.provide(plugin))

    threads = [threading.Thread(target=want, args=(plugin,)) for plugin in plugins]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 3
    assert len(set(found)) == 1
    assert sum(line.startswith("Installing the libraries") for line in bench.said) == 1


def test_a_cancelled_installation_leaves_nothing(bench: Bench) -> None:
    plugin, _, _ = slow_plugin(bench)

    with pytest.raises(RunCancelledError):
        provide(bench.venvs, plugin, OFFLINE, bench.watcher(is_stopped=True))

    assert list_venvs(bench.venvs) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process die with its parent")
def test_a_killed_installation_leaves_nothing_that_would_be_used(bench: Bench) -> None:
    plugin, hang, begun = slow_plugin(bench)
    code = f"""
import os
from functools import partial
from pathlib import Path
from synapse_core.dependencies.building import provide
from synapse_core.dependencies.session import Watcher
from synapse_core.dependencies.venvs import Venvs
from synapse_core.worker.isolation import die_with_parent
die = partial(die_with_parent, os.getpid())
watcher = Watcher(print, print, lambda _s: False, in_installer=die)
provide(Venvs(Path({str(bench.folder / "cache")!r})), Path({str(plugin)!r}), {OFFLINE!r}, watcher)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL) as builder:
        while not begun.exists():
            with contextlib.suppress(subprocess.TimeoutExpired):
                builder.wait(0.01)
            assert builder.poll() is None
        builder.send_signal(signal.SIGKILL)

    needed = find_needed(bench.venvs, plugin)
    assert needed is not None
    assert needed.folder.exists()
    assert needed.use() is None
    hang.unlink()
    assert bench.provide(plugin) == needed
    assert run_in(needed, "import slowlib; print(slowlib.VERSION)") == "1.0"


@pytest.mark.parametrize("damage", ["python", "library", "marker", "all"])
def test_a_damaged_environment_is_made_anew(bench: Bench, damage: str) -> None:
    bench.wheel("tinylib", "1.0")
    plugin = bench.plugin("p", f"{LINKS}tinylib\n")
    venv = bench.provide(plugin)
    assert venv is not None
    (info,) = venv.folder.glob("lib/*/site-packages/tinylib-1.0.dist-info")
    match damage:
        case "python":
            venv.python.unlink()
        case "library":
            info.rename(info.with_suffix(".gone"))
        case "marker":
            venv.marker.write_bytes(b"{\0")
        case _:
            venv.discard()

    assert venv.use() is None
    assert bench.provide(plugin) == venv
    assert venv.use() is not None
    assert run_in(venv, "import tinylib; print(tinylib.VERSION)") == "1.0"


def test_what_is_added_by_hand_does_no_harm(bench: Bench) -> None:
    bench.wheel("tinylib", "1.0")
    venv = bench.provide(bench.plugin("p", f"{LINKS}tinylib\n"))
    assert venv is not None
    (info,) = venv.folder.glob("lib/*/site-packages/tinylib-1.0.dist-info")

    (info.parent / "cache").mkdir()

    assert venv.use() is not None


def test_a_folder_that_cannot_be_written_is_told(bench: Bench) -> None:
    (bench.folder / "cache").mkdir(parents=True)
    (bench.folder / "cache" / "venvs").write_text("in the way", encoding="utf-8")

    with pytest.raises(StorageError, match="Cannot make"):
        bench.provide(bench.plugin("p", f"{LINKS}tinylib\n"))


def test_only_what_is_unused_and_empty_of_processes_is_pruned(bench: Bench) -> None:
    for version in ("1.0", "2.0", "3.0"):
        bench.wheel("tinylib", version)
    fresh, held, old = (
        venv
        for version in ("1.0", "2.0", "3.0")
        if (venv := bench.provide(bench.plugin(version, f"{LINKS}tinylib=={version}\n")))
    )
    for venv in (held, old):
        os.utime(venv.marker, (0, 0))

    with held.in_use():
        assert [one.venv for one in prune_venvs(bench.venvs, dry_run=True)] == [old]
        assert [one.venv for one in prune_venvs(bench.venvs)] == [old]
        assert {state.venv for state in list_venvs(bench.venvs)} == {fresh, held}
    assert [one.venv for one in prune_venvs(bench.venvs)] == [held]

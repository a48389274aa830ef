"""Plugins are found below the roots only, as they are now, whatever lies around."""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from synapse_core.discovery.catalog import Catalog
from synapse_core.discovery.shelf import Shelf
from synapse_core.errors import (
    InvalidInputError,
    ManifestError,
    PathRefusedError,
    PluginNotFoundError,
    StorageError,
    SynapseError,
)
from synapse_core.model.plugin import Plugin
from synapse_core.types import JSONObject
from tests.discovery.trees import HEAD, make_plugin, write

RUN = f"{HEAD}\n@action()\ndef run() -> int:\n    return 1\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


@pytest.fixture
def catalog(root: Path, tmp_path: Path) -> Catalog:
    return Catalog([root], tmp_path / "cache")


@pytest.fixture
def fresh(root: Path, tmp_path: Path) -> Callable[[], Catalog]:
    """Open the catalog as another process would: nothing in memory, the cache on disk."""
    return lambda: Catalog([root], tmp_path / "cache")


def settle(folder: Path) -> None:
    """Wait until the files are so old that a change would get another time."""
    newest = max(file.stat().st_ctime for file in folder.rglob("*"))
    while time.time() - newest < 0.2:
        pass


def codes(catalog: Catalog) -> list[str]:
    return [plugin.code for plugin in catalog.plugins()]


def test_plugins_are_found_at_any_depth_people_use(root: Path, catalog: Catalog) -> None:
    make_plugin(root / "a", "a")
    make_plugin(root / "group" / "b", "b")
    make_plugin(root / "group" / "of" / "many" / "c", "c")
    make_plugin(root / "1" / "2" / "3" / "4" / "5" / "too_deep", "d")

    assert codes(catalog) == ["a", "b", "c"]


def test_a_root_may_be_a_plugin_itself(tmp_path: Path) -> None:
    make_plugin(tmp_path / "own", "own", run=RUN)

    catalog = Catalog([tmp_path / "own"], tmp_path / "cache")

    assert codes(catalog) == ["own"]
    assert catalog.find(".").code == "own"


def test_environments_hidden_folders_and_links_are_not_searched(
    root: Path, tmp_path: Path, catalog: Catalog
) -> None:
    for name in (".git", "node_modules", "venv", "site-packages", "__pycache__"):
        make_plugin(root / name / "x", "hidden")
    make_plugin(root / "own_env" / "x", "hidden")
    write(root / "own_env", {"pyvenv.cfg": ""})
    make_plugin(tmp_path / "outside", "outside")
    (root / "link").symlink_to(tmp_path / "outside")
    (root / "loop").symlink_to(root)
    make_plugin(root / "a", "a")

    assert codes(catalog) == ["a"]


def test_a_config_of_another_program_is_no_broken_plugin(root: Path, catalog: Catalog) -> None:
    write(root / "hydra", {"config.yaml": "model: resnet\nlr: 0.1\n"})
    write(root / "broken", {"config.yaml": "name: x\ncode: [\n"})
    write(root / "empty", {"config.yaml": ""})
    make_plugin(root / "good", "good")

    assert codes(catalog) == ["good"]
    assert [folder.name for folder, _ in catalog.faults()] == ["broken", "empty"]
    with pytest.raises(ManifestError):
        catalog.find("./hydra")


def test_a_broken_plugin_tells_its_faults_when_it_is_asked_for(
    root: Path, catalog: Catalog, fresh: Callable[[], Catalog]
) -> None:
    write(root / "folder", {"config.yaml": "name: x\ncode: mine\nverison: 1\n"})

    for each in (catalog, fresh()):
        for reference in ("mine", "folder", "./folder", str(root / "folder")):
            with pytest.raises(ManifestError) as caught:
                each.find(reference)
            assert "verison" in str(caught.value)
            assert each.locate(reference) == root / "folder"


def test_an_unknown_code_is_answered_with_the_nearest(root: Path, catalog: Catalog) -> None:
    make_plugin(root / "a", "image_quality")
    make_plugin(root / "b", "export")

    with pytest.raises(PluginNotFoundError) as caught:
        catalog.find("image_qualty")

    assert caught.value.hint == (
        "Did you mean 'image_quality'? Plugins here: export, image_quality."
    )


def test_a_code_that_two_plugins_have_is_refused_with_both_paths(
    root: Path, catalog: Catalog
) -> None:
    make_plugin(root / "a", "same")
    make_plugin(root / "b", "same")

    with pytest.raises(InvalidInputError) as caught:
        catalog.find("same")

    assert caught.value.data["paths"] == [str(root / "a"), str(root / "b")]
    assert catalog.find(str(root / "b")).path == root / "b"


def test_roots_inside_of_each_other_give_each_plugin_once(tmp_path: Path) -> None:
    make_plugin(tmp_path / "root" / "a", "a")
    roots = [tmp_path / "root", tmp_path / "root" / "a", tmp_path / "root"]

    assert codes(Catalog(roots, tmp_path / "cache")) == ["a"]


OUTSIDE = [
    "..", "../outside", "/etc", "/etc/passwd", "a/../../outside", "~root/x", "/proc/self", "//etc",
    "link", "./link", "link/inner", "a/\0", "\0/", "a\ud800/", "/" + "x" * 5000, "../" * 500,
]  # fmt: skip


@pytest.mark.parametrize("reference", OUTSIDE)
def test_nothing_outside_of_the_roots_is_touched(
    root: Path, tmp_path: Path, catalog: Catalog, reference: str
) -> None:
    make_plugin(tmp_path / "outside", "outside")
    (root / "link").symlink_to(tmp_path / "outside")
    make_plugin(root / "a", "a")

    for look in (catalog.find, catalog.locate):
        with pytest.raises((PathRefusedError, PluginNotFoundError)) as caught:
            look(reference)
        assert len(str(caught.value)) < 1000
        assert isinstance(caught.value, PathRefusedError) or reference == "link"


NOWHERE = [
    "",
    " ",
    "nothing",
    "x" * 5000,
    "a\nb",
    "C:\\x",
    "..\\x",
    "-rf",
    "%2e%2e",
    "\0",
    "\ud800",
]


@pytest.mark.parametrize("reference", [*NOWHERE, "./nothing", "a/b", "./a/run.py", "./file"])
def test_what_is_no_plugin_is_not_found(root: Path, catalog: Catalog, reference: str) -> None:
    make_plugin(root / "a", "a", run=RUN)
    write(root, {"file": ""})

    for look in (catalog.find, catalog.locate):
        with pytest.raises(PluginNotFoundError) as caught:
            look(reference)
        assert caught.value.hint
        assert str(caught.value).isprintable()


def test_a_link_inside_of_the_root_leads_to_the_plugin(root: Path, catalog: Catalog) -> None:
    make_plugin(root / "a", "a")
    (root / "link").symlink_to("a")

    assert catalog.find("./link").path == root / "a"


def test_a_manifest_that_is_no_file_is_a_fault_and_never_waited_for(
    root: Path, catalog: Catalog
) -> None:
    for name in ("pipe", "folder", "link"):
        (root / name).mkdir()
    os.mkfifo(root / "pipe" / "config.yaml")
    (root / "folder" / "config.yaml").mkdir()
    (root / "link" / "config.yaml").symlink_to("/etc/passwd")

    assert [folder.name for folder, _ in catalog.faults()] == ["folder", "link", "pipe"]


EDITS: list[Callable[[Path], object]] = [
    lambda folder: (folder / "run.py").write_text(RUN.replace("run", "fun")),
    lambda folder: (folder / "new.py").write_text(RUN.replace("run", "new")),
    lambda folder: (folder / "run.py").unlink(),
    lambda folder: (folder / "config.yaml").write_text("name: y\ncode: demo\n"),
    lambda folder: (folder / "run.py").rename(folder / "fun.py"),
    lambda folder: (folder / "config.yaml").unlink(),
    lambda folder: (folder / "config.yaml").write_text("name: x\n"),
]


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_is_seen_by_the_next_look(
    root: Path, catalog: Catalog, fresh: Callable[[], Catalog], edit: Callable[[Path], object]
) -> None:
    folder = make_plugin(root / "demo", run=RUN)
    before = outcome(catalog, "demo")

    edit(folder)

    after = outcome(catalog, "demo")
    assert after == outcome(fresh(), "demo")
    assert after != before


def outcome(catalog: Catalog, reference: str) -> Plugin | type[SynapseError]:
    try:
        return replace(catalog.find(reference), stamp="")
    except SynapseError as error:
        return type(error)


@pytest.mark.parametrize("name", ["requirements.txt", "pyproject.toml", "pkg/helper.py"])
def test_a_change_that_could_change_a_schema_changes_the_stamp(
    root: Path, catalog: Catalog, name: str
) -> None:
    folder = make_plugin(root / "demo", run=RUN)
    settle(folder)
    before = catalog.find("demo").stamp
    assert catalog.find("demo").stamp == before

    write(folder, {name: ""})

    assert catalog.find("demo").stamp != before


def test_a_change_of_the_same_size_within_the_same_tick_is_seen(
    root: Path, catalog: Catalog
) -> None:
    folder = make_plugin(root / "demo", run=RUN)

    for name in ("fun", "sun", "pun", "nun", "run") * 10:
        (folder / "run.py").write_text(RUN.replace("run", name))
        assert list(catalog.find("demo").actions) == [name]


def test_a_change_that_hides_its_time_is_seen(root: Path, catalog: Catalog) -> None:
    folder = make_plugin(root / "demo", run=RUN)
    file = folder / "run.py"
    old = 1_600_000_000
    os.utime(file, (old, old))
    assert list(catalog.find("demo").actions) == ["run"]

    file.write_text(RUN.replace("run", "fun"))
    os.utime(file, (old, old))

    assert list(catalog.find("demo").actions) == ["fun"]


def test_what_was_found_out_outlives_the_process(
    root: Path, tmp_path: Path, catalog: Catalog, fresh: Callable[[], Catalog]
) -> None:
    folder = make_plugin(
        root / "demo",
        more="env: {A: b}\nactions: {run: {timeout: 10m, retries: 3, resources: {cpus: 2}}}\n",
        run=RUN,
    )
    settle(folder)
    before = catalog.plugins()
    (kept,) = (tmp_path / "cache" / "plugins").iterdir()
    written = kept.stat()

    assert fresh().plugins() == before
    assert kept.stat() == written


DAMAGES: list[Callable[[bytes], bytes]] = [
    lambda _: b"",
    lambda _: b"\0" * 100,
    lambda content: content[: len(content) // 2],
    lambda content: content[:-1],
    lambda content: content.replace(b'"demo"', b'"evil"'),
    lambda content: b"0" * 32 + content[32:],
    lambda _: b"[" * 100_000,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_cache_is_made_again(
    root: Path, tmp_path: Path, catalog: Catalog, fresh: Callable[[], Catalog],
    damage: Callable[[bytes], bytes],
) -> None:  # fmt: skip
    settle(make_plugin(root / "demo", run=RUN))
    before = catalog.plugins()
    (file,) = (tmp_path / "cache" / "plugins").iterdir()

    file.write_bytes(damage(file.read_bytes()))

    assert fresh().plugins() == before


STALE: list[JSONObject] = [
    {},
    {"plugin": {"code": "demo"}},
    {"plugin": {"actions": []}},
    {"fault": 3},
]


def test_a_cache_of_another_version_is_made_again(
    root: Path, tmp_path: Path, catalog: Catalog, fresh: Callable[[], Catalog]
) -> None:
    folder = make_plugin(root / "demo", run=RUN)
    settle(folder)
    before = catalog.plugins()
    for value in STALE:
        Shelf(tmp_path / "cache" / "plugins").write(folder, before[0].stamp, value)

        assert fresh().plugins() == before


def test_a_cache_that_cannot_be_written_does_no_harm(root: Path, tmp_path: Path) -> None:
    make_plugin(root / "demo", run=RUN)
    write(tmp_path, {"file": ""})

    assert codes(Catalog([root], tmp_path / "file")) == ["demo"]


def test_many_threads_and_catalogs_may_look_at_once(
    root: Path, fresh: Callable[[], Catalog]
) -> None:
    for number in range(10):
        make_plugin(root / f"p{number}", f"p{number}", run=RUN)
    found: list[list[str]] = []
    shared = fresh()

    def look(each: Catalog) -> None:
        found.append(codes(each))

    threads = [
        threading.Thread(target=look, args=(each,)) for each in (shared, shared, fresh(), fresh())
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [[f"p{number}" for number in range(10)]] * 4


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_told_and_hides_nothing_else(root: Path, catalog: Catalog) -> None:
    make_plugin(root / "a", "a")
    make_plugin(root / "locked", "locked")
    (root / "locked" / "config.yaml").chmod(0)
    (root / "closed").mkdir(mode=0)

    assert codes(catalog) == ["a"]
    ((folder, fault),) = catalog.faults()
    assert folder.name == "locked"
    assert isinstance(fault, StorageError)


def test_a_root_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    catalog = Catalog([tmp_path / "gone"], tmp_path / "cache")

    assert catalog.plugins() == ()
    with pytest.raises(PluginNotFoundError):
        catalog.find("./x")

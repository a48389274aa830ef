"""Plugins on their way to machines that do not see the disk they lie on, and their arrival."""

import threading
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from synapse_core.config.home import Home
from synapse_core.errors import ConflictError, InvalidInputError
from synapse_core.executors.ray.cluster.packing import PackedPlugins
from synapse_core.executors.ray.node.arrival import Arrival, arrive, home_mark, is_at_home
from synapse_core.executors.ray.node.unpacked import UnpackedPlugins


def write_plugin(folder: Path, text: str = "x = 1\n") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "actions.py").write_text(text)
    return folder


def test_a_version_is_packed_once_for_all_processes(tmp_path: Path) -> None:
    plugin = write_plugin(tmp_path / "plugin")
    first = PackedPlugins(tmp_path / "cache").packed(plugin)
    made = first.path.stat().st_ino

    again = PackedPlugins(tmp_path / "cache").packed(plugin)
    write_plugin(plugin, "x = 2\n")
    other = PackedPlugins(tmp_path / "cache").packed(plugin)

    assert again == first
    assert again.path.stat().st_ino == made
    assert other.digest != first.digest


def test_many_who_need_a_version_have_it_fetched_once(tmp_path: Path) -> None:
    packed = PackedPlugins(tmp_path / "cache").packed(write_plugin(tmp_path / "plugin"))
    fetched: list[int] = []
    seen: list[str] = []
    together = threading.Barrier(8)

    def fetch() -> BytesIO:
        fetched.append(1)
        return BytesIO(packed.path.read_bytes())

    def use() -> None:
        together.wait()
        with UnpackedPlugins(tmp_path / "node").hold(packed.digest, packed.name, fetch) as folder:
            seen.append((folder / "actions.py").read_text())

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert seen == ["x = 1\n"] * 8
    assert len(fetched) == 1


def test_what_is_in_use_is_not_removed(tmp_path: Path) -> None:
    packed = PackedPlugins(tmp_path / "cache").packed(write_plugin(tmp_path / "plugin"))
    unpacked = UnpackedPlugins(tmp_path / "node")

    def fetch() -> BytesIO:
        return BytesIO(packed.path.read_bytes())

    with unpacked.hold(packed.digest, packed.name, fetch) as folder:
        assert unpacked.prune(unused_for_s=0) == []
        assert folder.exists()
    assert unpacked.prune(unused_for_s=60) == []
    assert unpacked.prune(unused_for_s=0) == [packed.digest]
    assert not folder.exists()


def test_an_archive_of_something_else_is_not_kept(tmp_path: Path) -> None:
    packed = PackedPlugins(tmp_path / "cache").packed(write_plugin(tmp_path / "plugin"))
    unpacked = UnpackedPlugins(tmp_path / "node")

    with (
        pytest.raises(InvalidInputError, match="damaged on the way"),
        unpacked.hold("0" * 64, packed.name, lambda: BytesIO(packed.path.read_bytes())),
    ):
        pass
    assert not list((tmp_path / "node/sent").glob("*/"))


def test_a_home_is_known_by_its_mark(tmp_path: Path) -> None:
    home, other = Home(tmp_path / "home"), Home(tmp_path / "other")

    assert home_mark(home) == home_mark(home) != home_mark(other)
    order = Arrival(home=str(home.root), mark=home_mark(home), run_id="r", plugin_path="/p")
    assert is_at_home(order)
    for root in (other.root, tmp_path / "nowhere"):
        unseen = replace(order, home=str(root))
        assert not is_at_home(replace(unseen, service_url="http://runs"))
        with pytest.raises(InvalidInputError, match="does not see the home"):
            is_at_home(unseen)


def test_another_version_on_a_machine_of_the_cluster_is_told(tmp_path: Path) -> None:
    order = Arrival(home=str(tmp_path), mark="m", run_id="r", plugin_path="/p", version="0.0.1")

    with pytest.raises(ConflictError, match=r"has Synapse .*, and 0\.0\.1 placed the run"):
        arrive({**order.told(), "a_field_of_that_version": 1}, lambda _: pytest.fail("needed"))

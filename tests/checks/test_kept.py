"""An unchanged plugin is not checked again; a changed one is, whatever changed."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from synapse_core.checks.stamps import stamp_folder
from synapse_core.operations.checking import CheckReport, check_plugin
from synapse_core.workspace import Workspace
from tests.checks.corpus import Case


@pytest.fixture
def plugin(folder: Path) -> Path:
    return Case("base").write(folder)


def settle(folder: Path) -> None:
    """Wait until the files are old enough for their times to be trusted."""
    while not stamp_folder(folder):
        os.sched_yield()


def check(workspace: Workspace, folder: Path) -> CheckReport:
    settle(folder)
    return check_plugin(workspace, str(folder))


def test_an_unchanged_plugin_is_told_from_what_was_kept(workspace: Workspace, plugin: Path) -> None:
    first = check(workspace, plugin)
    second = check(workspace, plugin)

    assert (first.is_kept, second.is_kept) == (False, True)
    assert (second.plugin, second.actions) == (first.plugin, first.actions)
    assert second.diagnostics == first.diagnostics == ()


def edit_source(folder: Path) -> None:
    with (folder / "shapes" / "draw.py").open("a", encoding="utf-8") as file:
        file.write("\n\nprint()\n")


def edit_manifest(folder: Path) -> None:
    with (folder / "config.yaml").open("a", encoding="utf-8") as file:
        file.write("# a remark\n")


def edit_and_turn_back_the_clock(folder: Path) -> None:
    file = folder / "shapes" / "draw.py"
    before = file.stat()
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("number + 1", "number + 2"), encoding="utf-8")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def add_a_file(folder: Path) -> None:
    (folder / "json.py").write_text("x = 1\n", encoding="utf-8")


def remove_data(folder: Path) -> None:
    (folder / "data" / "sizes.csv").unlink()


def ask_for_a_library(folder: Path) -> None:
    (folder / "requirements.txt").write_text("?\n", encoding="utf-8")


def rename_a_module(folder: Path) -> None:
    (folder / "shapes" / "draw.py").rename(folder / "shapes" / "paint.py")


def forbid_reading(folder: Path) -> None:
    (folder / "shapes" / "params.py").chmod(0)


CHANGES: list[Callable[[Path], None]] = [
    edit_source,
    edit_manifest,
    edit_and_turn_back_the_clock,
    add_a_file,
    remove_data,
    ask_for_a_library,
    rename_a_module,
    forbid_reading,
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_plugin_is_checked_again(
    workspace: Workspace, plugin: Path, change: Callable[[Path], None]
) -> None:
    check(workspace, plugin)

    change(plugin)

    assert not check(workspace, plugin).is_kept


def test_what_a_link_leads_to_is_looked_at(
    workspace: Workspace, plugin: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "params.py"
    (plugin / "shapes" / "params.py").rename(elsewhere)
    (plugin / "shapes" / "params.py").symlink_to(elsewhere)
    check(workspace, plugin)

    elsewhere.write_text("", encoding="utf-8")
    settle(plugin)

    assert not check(workspace, plugin).ok


def test_a_folder_behind_a_link_is_never_taken_for_unchanged(folder: Path, tmp_path: Path) -> None:
    (folder / "linked").symlink_to(tmp_path)

    assert stamp_folder(folder) == ""


def test_a_change_of_just_now_is_never_taken_for_the_kept_one(folder: Path) -> None:
    (folder / "new.py").write_text("", encoding="utf-8")

    assert stamp_folder(folder) == ""


def test_findings_are_kept_whole(workspace: Workspace, folder: Path) -> None:
    case = Case(
        "broken",
        edits=[{"file": "shapes/draw.py", "replace": "class DrawAction", "with": "class Draw"}],
    )
    plugin = case.write(folder)

    first, second = check(workspace, plugin), check(workspace, plugin)

    assert second.is_kept
    assert not second.ok
    assert second.diagnostics == first.diagnostics != ()


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]", b'{"stamp": 1}'])
def test_a_damaged_cache_is_none(workspace: Workspace, plugin: Path, content: bytes) -> None:
    check(workspace, plugin)
    for file in (workspace.home.cache_dir / "checks").iterdir():
        file.write_bytes(content)

    again = check(workspace, plugin)

    assert again.ok
    assert not again.is_kept


def test_reading_only_is_not_kept_for_the_whole_check(workspace: Workspace, plugin: Path) -> None:
    settle(plugin)

    check_plugin(workspace, str(plugin), static_only=True)

    assert not check(workspace, plugin).is_kept

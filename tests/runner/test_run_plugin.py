"""A plugin is found by what a caller has of it, and a wrong name is told."""

import contextlib
import os
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from synapse_core import run_plugin
from synapse_core.errors import (
    ActionLoadError,
    ActionNotFoundError,
    InvalidInputError,
    ManifestError,
    PluginNotFoundError,
)

ACTIONS = """
    from pathlib import Path
    from synapse_core import action

    @action
    def where(ctx) -> str:
        return Path(__file__).parent.name

    @action
    def variables(ctx) -> dict[str, str]:
        return ctx.env.to_dict()

    @action
    def later() -> str:
        from words import WORD
        return WORD
    """


def make(folder: Path, code: str, *, more: str = "") -> Path:
    folder.mkdir(parents=True)
    listed = "".join(f"  {one}: {{entrypoint: 'acts:{one}'}}\n" for one in ("where", "variables"))
    listed += "  lost: {entrypoint: 'acts:lost'}\n"
    manifest = f"name: X\ncode: {code}\nversion: 1.0.0\n{more}actions:\n{listed}"
    (folder / "config.yaml").write_text(manifest, encoding="utf-8")
    (folder / "acts.py").write_text(dedent(ACTIONS), encoding="utf-8")
    (folder / "words.py").write_text(f"WORD = {code!r}\n", encoding="utf-8")
    return folder


def test_a_folder_is_found_by_path_and_by_path_object(tmp_path: Path) -> None:
    folder = make(tmp_path / "a b" / "größe", "one")

    assert run_plugin(str(folder), "where") == "größe"
    assert run_plugin(folder, "where") == "größe"
    with contextlib.chdir(tmp_path):
        assert run_plugin("a b/größe", "where") == "größe"


def test_a_code_is_found_in_and_below_the_working_directory(tmp_path: Path) -> None:
    folder = make(tmp_path / "synapse-one-plugin", "one")
    make(tmp_path / "other", "two")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.yaml").write_text("- no\n", encoding="utf-8")

    for place in (tmp_path, folder):
        with contextlib.chdir(place):
            assert run_plugin("one", "where") == "synapse-one-plugin"


def test_plugins_with_the_same_modules_run_one_after_the_other(tmp_path: Path) -> None:
    folders = [make(tmp_path / name, name) for name in ("one", "two")]

    told = [run_plugin(folder, "later") for folder in (*folders, folders[0])]

    assert told == ["one", "two", "one"]
    assert "acts" not in sys.modules


def test_an_edit_is_seen_by_the_next_call(tmp_path: Path) -> None:
    folder = make(tmp_path / "one", "one")
    assert run_plugin(folder, "later") == "one"

    (folder / "words.py").write_text("WORD = 'new'\n", encoding="utf-8")

    assert run_plugin(folder, "later") == "new"


def test_variables_of_the_manifest_are_there_and_the_callers_win(tmp_path: Path) -> None:
    folder = make(tmp_path / "one", "one", more="env:\n  A: '1'\n  B: '2'\n")

    assert run_plugin(folder, "variables", env={"B": 3}) == {"A": "1", "B": "3"}


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    folder = make(tmp_path / "one", "one")

    with pytest.raises(ActionNotFoundError, match="no action 'wher'") as missing:
        run_plugin(folder, "wher")
    assert "Did you mean 'where'?" in missing.value.hint
    with pytest.raises(ActionLoadError, match="has no 'lost'"):
        run_plugin(folder, "lost")
    with pytest.raises(PluginNotFoundError, match=r"There is no plugin at .*nowhere"):
        run_plugin(tmp_path / "nowhere-x", "where")
    with pytest.raises(PluginNotFoundError, match="There is no plugin 'nowhere_x'"):
        run_plugin("nowhere_x", "where")
    with pytest.raises(PluginNotFoundError, match=r"There is no plugin 'nowhere_x\.deeper'"):
        run_plugin("nowhere_x.deeper", "where")
    with pytest.raises(InvalidInputError, match="no mode 'remote'"):
        run_plugin(folder, "where", mode="remote")  # pyright: ignore[reportArgumentType] - this is the point


def test_a_broken_manifest_is_told_when_it_is_the_one_that_was_named(tmp_path: Path) -> None:
    folder = make(tmp_path / "one", "one")
    (folder / "config.yaml").write_text("- no\n", encoding="utf-8")

    with pytest.raises(ManifestError):
        run_plugin(folder, "where")


def test_nothing_is_left_behind_by_a_call_that_fails(tmp_path: Path) -> None:
    folder = make(tmp_path / "one", "one")
    (folder / "acts.py").write_text("import words\n1 / 0\n", encoding="utf-8")
    before = (list(sys.path), list(sys.path_hooks), os.getcwd())  # noqa: PTH109 - as it is

    with pytest.raises(ActionLoadError, match="division by zero"):
        run_plugin(folder, "where")

    assert (list(sys.path), list(sys.path_hooks), os.getcwd()) == before  # noqa: PTH109 - as above
    assert not {"acts", "words"} & set(sys.modules)

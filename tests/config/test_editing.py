import stat
import threading
from pathlib import Path

import pytest

from synapse_core.config.editing import SettingsEditor, edit_settings
from synapse_core.config.environments import Environment
from synapse_core.config.settings import load_settings
from synapse_core.errors import ConfigError, StorageError

BY_HAND = """\
# mine
future: {a: 1}   # keep me
environments:
    # about dev
    dev:    # the dev one
        token: "x"
        regions: [a]
        variables:
            A: "1"   # first
            B: "2"
    prod:
plugins:
  - ~/one   # mine
  - /two
environment: dev   # active
"""


def test_a_new_file_is_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "home" / "config.yaml"

    with edit_settings(file) as editor:
        editor.put_environment(Environment(name="dev", token="s3cret"))

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert load_settings(file).environments["dev"].token == "s3cret"


def test_comments_order_and_unknown_keys_stay(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(BY_HAND, encoding="utf-8")

    with edit_settings(file) as editor:
        editor.put_environment(Environment(name="dev", token="y", variables={"A": "1", "C": "yes"}))
        editor.put_environment(Environment(name="prod", service_url="https://p.example.com"))
        editor.activate("prod")

    text = file.read_text(encoding="utf-8")
    for kept in (
        "# mine",
        "future: {a: 1}   # keep me",
        "    # about dev",
        "    dev:    # the dev one",
        "        regions: [a]",
        '            A: "1"   # first',
        "  - ~/one   # mine",
        "environment: prod  # active",
    ):
        assert kept in text
    settings = load_settings(file)
    assert settings.environments["dev"].variables == {"A": "1", "C": "yes"}
    assert settings.active == "prod"


def test_a_file_of_comments_keeps_them(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("# to do: fill in\n", encoding="utf-8")

    with edit_settings(file) as editor:
        editor.activate(None)
        editor.put_folders(["/plugins"])

    assert file.read_text(encoding="utf-8") == "# to do: fill in\nplugins:\n- /plugins\n"


def test_removing_the_active_environment_leaves_none_active(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(BY_HAND, encoding="utf-8")

    with edit_settings(file) as editor:
        editor.remove_environment("dev")
        editor.remove_environment("prod")
        editor.put_folders([])

    settings = load_settings(file)
    assert settings.environments == {}
    assert settings.active is None
    assert "keep me" in file.read_text(encoding="utf-8")


def test_lines_of_folders_that_stay_keep_their_comments(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(BY_HAND, encoding="utf-8")

    with edit_settings(file) as editor:
        assert editor.listed_folders() == ["~/one", "/two"]
        editor.put_folders(["~/one", "/three"])

    assert "  - ~/one   # mine\n  - /three\n" in file.read_text(encoding="utf-8")


def put_good_and_bad(editor: SettingsEditor) -> None:
    editor.put_environment(Environment(name="new"))
    editor.put_environment(Environment(name="bad", service_url="nowhere"))


def test_an_error_in_the_body_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(BY_HAND, encoding="utf-8")

    with pytest.raises(ConfigError), edit_settings(file) as editor:
        put_good_and_bad(editor)

    assert file.read_text(encoding="utf-8") == BY_HAND


def test_a_broken_file_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("a: [1", encoding="utf-8")

    with pytest.raises(ConfigError, match="line 2"), edit_settings(file) as editor:
        editor.activate(None)

    assert file.read_text(encoding="utf-8") == "a: [1"


def test_what_could_not_be_read_again_is_never_written(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"

    with pytest.raises(ConfigError, match="nothing was written"), edit_settings(file) as editor:
        editor.activate("nobody")

    assert not file.exists()


def test_changes_made_at_once_are_all_kept(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"

    def add(number: int) -> None:
        with edit_settings(file) as editor:
            editor.put_environment(Environment(name=f"env-{number}"))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(load_settings(file).environments) == {f"env-{number}" for number in range(12)}


def test_a_home_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with (
        pytest.raises(StorageError, match="Cannot make"),
        edit_settings(tmp_path / "file" / "config.yaml") as editor,
    ):
        editor.activate(None)

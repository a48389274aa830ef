import json
import stat
from pathlib import Path

import pytest

from tests.cli.calling import Call, OpenTerminal


def test_environments_are_added_used_shown_and_removed(synapse: Call) -> None:
    assert synapse("env", "add", "dev", "--url", "https://dev.example.com", "-s", "A=1").code == 0
    assert synapse("env", "add", "prod", "--token-variable", "PROD_TOKEN").code == 0

    listed = synapse("env", "list", "--json").json["environments"]
    assert [(item["name"], item["is_active"]) for item in listed] == [
        ("dev", True),
        ("prod", False),
    ]
    assert synapse("env", "use", "prod").out == "Using prod.\n"
    assert synapse("env", "show", "--json").json["token"] == "variable PROD_TOKEN"
    assert synapse("env", "remove", "prod", "--yes").code == 0
    assert synapse("env", "show").code == 3
    assert synapse("env", "use", "--none", "--json").json == {"active": None}


def test_lists_are_read_by_people_too(synapse: Call) -> None:
    assert "No environments" in synapse("env", "list").err
    synapse("env", "add", "dev", "--url", "https://dev.example.com")

    lines = synapse("env", "list").out.splitlines()

    assert [line.split() for line in lines] == [
        ["name", "service", "token", "variables"],
        ["*", "dev", "https://dev.example.com"],
    ]


def test_a_token_comes_from_stdin_and_is_never_shown(synapse: Call, tmp_path: Path) -> None:
    added = synapse("env", "add", "dev", "--token", stdin="hunter2-very-secret\n")

    assert added.code == 0
    shown = [synapse("env", *words) for words in (["list"], ["show"], ["show", "--json"])]
    for done in (added, *shown):
        assert "hunter2" not in done.out + done.err
    file = tmp_path / "home" / "config.yaml"
    assert "hunter2-very-secret" in file.read_text(encoding="utf-8")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_token_is_asked_for_without_showing_it(terminals: OpenTerminal, tmp_path: Path) -> None:
    terminal = terminals("env", "add", "dev", "--token")
    terminal.read_until("Token:")
    terminal.type("hunter2-very-secret\n")

    code, shown = terminal.end()

    assert code == 0
    assert "hunter2" not in shown
    assert "hunter2" in (tmp_path / "home" / "config.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "stdin", "code", "said"),
    [
        (["add", "a b"], "", 2, "no name for an environment"),
        (["add", "dev", "--url", "ftp://x"], "", 2, "no http or https"),
        (["add", "dev", "--set", "A"], "", 2, "NAME=value"),
        (["add", "dev", "--set", "A-B=1"], "", 2, "no name for a variable"),
        (["add", "dev", "--token"], "", 2, "The token is empty"),
        (["add", "dev", "--token"], "a\x1bb\n", 2, "no token"),
        (["add", "dev", "--token", "--token-variable", "T"], "x", 2, "Give one of them"),
        (["use", "nobody"], "", 3, "There are: none"),
        (["use"], "", 2, "--none"),
        (["show"], "", 3, "No environment is active"),
        (["remove", "nobody"], "", 3, "No environment is called"),
    ],
)
def test_what_cannot_be_done_is_told(
    synapse: Call, words: list[str], stdin: str, code: int, said: str
) -> None:
    done = synapse("env", *words, stdin=stdin)

    assert done.code == code
    assert said in done.err
    assert done.out == ""


def test_one_of_the_same_name_is_replaced_only_when_told(synapse: Call) -> None:
    synapse("env", "add", "dev", "-s", "A=1")

    again = synapse("env", "add", "dev", "-s", "B=2")

    assert again.code == 4
    assert "already is an environment" in again.err
    synapse("env", "add", "dev", "-s", "B=2", "--replace")
    assert synapse("env", "show", "--json").json["variables"] == {"B": "2"}


def test_removing_asks_a_person_and_refuses_where_nobody_is(
    synapse: Call, terminals: OpenTerminal
) -> None:
    synapse("env", "add", "dev")

    assert synapse("env", "remove", "dev").code == 4
    terminal = terminals("env", "remove", "dev")
    terminal.read_until("[y/N]")
    terminal.type("n\n")
    assert terminal.end()[0] == 4
    terminal = terminals("env", "remove", "dev")
    terminal.read_until("[y/N]")
    terminal.type("y\n")
    assert terminal.end()[0] == 0
    assert synapse("env", "list", "--json").json == {"environments": []}


def test_a_broken_configuration_is_named_with_its_line(synapse: Call, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "config.yaml").write_text("environments:\n  dev:\n    token: {a: 1}\n")

    done = synapse("env", "list", "--json")

    assert done.code == 2
    assert done.json["error"]["line"] == 3
    assert "line 3" in done.err


def test_keys_that_mean_nothing_are_told(synapse: Call, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "config.yaml").write_text("environmnts: {}\n")

    done = synapse("env", "list")

    assert done.code == 0
    assert "line 1: environmnts is unknown. Did you mean 'environments'?" in done.err


def test_plugin_folders_are_registered_and_unregistered(synapse: Call, tmp_path: Path) -> None:
    plugins = tmp_path / "plugins"
    plugins.mkdir()

    first = synapse("plugin", "register", plugins, "--json")
    again = synapse("plugin", "register", plugins, "--json")

    assert first.json == again.json == {"folders": [str(plugins)]}
    assert synapse("plugin", "register", tmp_path / "none").code == 3
    assert synapse("plugin", "unregister", plugins, "--json").json == {"folders": []}
    assert synapse("plugin", "unregister", plugins).code == 3


def test_the_configuration_lies_where_the_environment_says(synapse: Call, tmp_path: Path) -> None:
    synapse("env", "add", "dev")

    assert (tmp_path / "home" / "config.yaml").is_file()
    assert json.loads(synapse("env", "list", "--json").out)
    assert not (tmp_path / "user" / ".synapse").exists()

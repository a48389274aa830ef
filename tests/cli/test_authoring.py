"""The author's way: create, add an action, check, test; by hand, in a pipe, and for programs."""

import shlex
import subprocess
from pathlib import Path

import pytest

from tests.cli.calling import Call, OpenTerminal

pytestmark = pytest.mark.timeout(120)

BROKEN = "class Nothing:\n    pass\n"


@pytest.fixture
def plugin(synapse: Call, folder: Path) -> Path:
    """A plugin in the current folder."""
    assert synapse("plugin", "create", "shapes", "--action", "main").code == 0
    return folder / "shapes"


def snapshot(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_person_goes_from_nothing_to_a_tested_plugin(program: Call) -> None:
    """Through the real program, without a terminal, in a folder with space and umlaut."""
    made = program("plugin", "create", "shapes", "--category", "data_validation")
    added = program("plugin", "add-action", "measure", "--plugin", "shapes")
    checked = program("plugin", "check", "shapes")
    tested = program("plugin", "test", "shapes")

    for done in (made, added, checked, tested):
        assert (done.code, done.err) == (0, ""), done.out + done.err
    assert "created    config.yaml" in made.out
    assert "updated    config.yaml" in added.out
    assert "shapes is valid: 2 actions imported." in checked.out
    assert " passed in " in tested.out


def test_the_next_steps_are_commands_that_work(synapse: Call, program: Call) -> None:
    steps = synapse("plugin", "create", "shapes", "--json").json["next_steps"]

    done = [program(*shlex.split(step)[1:]) for step in steps]

    assert [step.split()[2] for step in steps] == ["check", "test", "run"]
    assert [one.code for one in done] == [0, 0, 0]


def test_a_dry_run_writes_nothing_and_shows_a_diff_that_git_applies(
    synapse: Call, folder: Path
) -> None:
    done = synapse("plugin", "create", "shapes", "--dry-run")

    assert done.code == 0
    assert not (folder / "shapes").exists()
    assert "Nothing was written" in done.err
    into = folder / "into"
    into.mkdir()
    subprocess.run(["git", "init", "-q"], cwd=into, check=True)
    applied = subprocess.run(
        ["git", "apply", "-"], cwd=into, input=done.out, text=True, check=False, capture_output=True
    )
    assert applied.returncode == 0, applied.stderr
    synapse("plugin", "create", "shapes")
    written = snapshot(folder / "shapes")
    drawn = {name: text for name, text in snapshot(into).items() if not name.startswith(".git/")}
    assert drawn == written


def test_a_dry_run_of_an_action_shows_only_what_is_added(synapse: Call, plugin: Path) -> None:
    before = snapshot(plugin)

    done = synapse("plugin", "add-action", "measure", "--plugin", "shapes", "--dry-run")
    told = synapse("plugin", "add-action", "measure", "--plugin", "shapes", "--dry-run", "--json")

    assert done.code == told.code == 0
    assert snapshot(plugin) == before
    removed = [line for line in done.out.splitlines() if line.startswith("-") and line[:3] != "---"]
    assert removed == []
    assert told.json["is_dry_run"] is True
    assert told.json["diff"].splitlines() == done.out.splitlines()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["create", "2nd"], 2, "Use for example"),
        (["create", "json"], 2, "'my_json'"),
        (["create", "../up"], 2, "cannot be called"),
        (["create", "x", "--category", "none"], 2, "is not one of"),
        (["create", "x", "--description", "a\nb"], 2, "no line of text has"),
        (["add-action", "main", "--plugin", "shapes"], 2, "already has an action 'main'"),
        (["add-action", "new", "--plugin", "nowhere"], 3, "nowhere"),
        (["check", "nowhere"], 3, "nowhere"),
        (["test", "nowhere"], 3, "nowhere"),
        (["test", "shapes", "--pytest", "'"], 2, "Close every quote"),
        (["test", "shapes", "--pytest", "--no-such-option"], 2, "pytest cannot start"),
    ],
)
@pytest.mark.usefixtures("plugin")
def test_what_cannot_be_done_is_told_with_its_exit_code(
    synapse: Call, words: list[str], code: int, said: str
) -> None:
    done = synapse("plugin", *words)
    told = synapse("plugin", *words, "--json")

    assert (done.code, told.code) == (code, code)
    assert said in done.err
    assert done.out == ""
    assert told.json["error"]["exit_code"] == code


def test_nothing_is_overwritten_unless_told(synapse: Call, plugin: Path) -> None:
    readme = plugin / "README.md"
    readme.write_text("mine", encoding="utf-8")

    refused = synapse("plugin", "create", "shapes", "--action", "main")

    assert refused.code == 4
    assert "README.md" in refused.err
    assert readme.read_text(encoding="utf-8") == "mine"
    forced = synapse("plugin", "create", "shapes", "--action", "main", "--force", "--json")
    assert forced.code == 0
    changes = {file["path"]: file["change"] for file in forced.json["files"]}
    assert changes["README.md"] == "replaced"
    assert changes["config.yaml"] == "unchanged"


def test_a_plugin_goes_where_it_is_told(synapse: Call, folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "new place"

    assert synapse("plugin", "create", "shapes", "--dir", "inner folder").code == 0
    assert synapse("plugin", "create", "shapes", "--dir", outside).code == 0

    assert (folder / "inner folder" / "shapes" / "config.yaml").is_file()
    assert (outside / "shapes" / "config.yaml").is_file()


def test_no_plugin_is_made_inside_another(synapse: Call, plugin: Path) -> None:
    done = synapse("plugin", "create", "inner", "--dir", plugin)

    assert done.code == 4
    assert "inside a plugin" in done.err


def test_the_plugin_one_is_in_needs_no_name(
    synapse: Call, plugin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(plugin / "shapes")

    assert synapse("plugin", "add-action", "measure", "--form", "function").code == 0
    assert synapse("plugin", "check", "--json").json["actions"] == ["main", "measure"]


def test_a_check_names_place_and_fix_and_fails(synapse: Call, plugin: Path) -> None:
    (plugin / "shapes" / "main.py").write_text(BROKEN, encoding="utf-8")

    done = synapse("plugin", "check", "shapes")
    told = synapse("plugin", "check", "shapes", "--json")

    assert done.code == told.code == 1
    line = (plugin / "config.yaml").read_text("utf-8").splitlines()
    number = next(n for n, text in enumerate(line, start=1) if "entrypoint:" in text)
    assert f"shapes/config.yaml:{number}:" in done.out
    assert "error [attribute-missing]" in done.out
    assert "  Fix: " in done.out
    assert "shapes cannot be run as it is: 1 error" in done.out
    assert told.json["ok"] is False
    assert told.json["diagnostics"][0]["code"] == "attribute-missing"
    assert told.json["diagnostics"][0]["line"] == number


def test_lists_tell_which_plugins_they_leave_out(synapse: Call, plugin: Path, folder: Path) -> None:
    synapse("plugin", "create", "circles")
    whole = synapse("plugin", "list")
    (plugin / "config.yaml").write_text("name: shapes\nactions: [\n", encoding="utf-8")

    plugins, pipelines = synapse("plugin", "list"), synapse("pipeline", "list")

    assert "Left out" not in whole.err
    assert "circles" in plugins.out
    for listed in (plugins, pipelines):
        assert listed.code == 0
        assert f"Left out: {folder}/shapes/config.yaml, line 3:" in listed.err


def test_a_check_may_be_strict_or_read_only(synapse: Call, plugin: Path) -> None:
    with (plugin / "shapes" / "main.py").open("a", encoding="utf-8") as module:
        module.write("\n\nif True:\n    raise RuntimeError('at import')\n")
    read = synapse("plugin", "check", "shapes", "--static")
    imported = synapse("plugin", "check", "shapes")
    (plugin / "wave.py").write_text("", encoding="utf-8")

    assert read.code == 0
    assert "1 action read" in read.out
    assert imported.code == 1
    assert "at import" in imported.out
    assert synapse("plugin", "check", "shapes", "--static").code == 0
    assert synapse("plugin", "check", "shapes", "--static", "--strict").code == 1


def test_a_failing_test_is_shown_with_its_place(synapse: Call, plugin: Path) -> None:
    test = plugin / "tests" / "test_more.py"
    test.write_text("def test_numbers() -> None:\n    assert 1 == 2\n", encoding="utf-8")

    done = synapse("plugin", "test", "shapes")
    told = synapse("plugin", "test", "shapes", "--pytest", "-k numbers", "--json")

    assert done.code == told.code == 1
    assert "FAILED tests/test_more.py::test_numbers" in done.out
    assert "  tests/test_more.py:2" in done.out
    assert "1 failed" in done.out
    assert told.json["ok"] is False
    assert told.json["counts"] == {"failed": 1}
    assert told.json["outcomes"][0]["line"] == 2


def test_a_plugin_without_tests_has_not_passed_them(synapse: Call, plugin: Path) -> None:
    for file in (plugin / "tests").glob("test_*.py"):
        file.unlink()

    done = synapse("plugin", "test", "shapes")

    assert done.code == 1
    assert "No tests were found" in done.out


def test_colours_are_for_terminals(terminals: OpenTerminal) -> None:
    code, shown = terminals("plugin", "create", "shapes").end()

    assert code == 0
    assert "\x1b[" in shown
    assert "synapse plugin check" in shown

import importlib
import inspect
import json
import subprocess
import sys
import textwrap

import pytest

from synapse_mcp.cli.lazy import build_root, with_help
from synapse_mcp.cli.tree import GROUPS, Entry, Group, every_command
from tests.cli.calling import Call, OpenTerminal
from tests.cli.reference import PAGE, render_page

COMMANDS = list(every_command())
WITHOUT_JSON = {("demo",), ("mcp", "serve")}
"""Both hand stdout to something else."""


@pytest.mark.parametrize("entry", [entry for _, entry in COMMANDS], ids=str)
def test_each_command_says_in_its_first_line_what_the_list_says(entry: Entry) -> None:
    module, _, name = entry.target.partition(":")
    function = getattr(importlib.import_module(module), name)

    first = inspect.cleandoc(function.__doc__ or "").partition("\n")[0]

    assert first.rstrip(".").startswith(entry.summary.rstrip("."))


@pytest.mark.parametrize("words", [words for words, _ in COMMANDS], ids=" ".join)
def test_each_command_explains_itself(synapse: Call, words: tuple[str, ...]) -> None:
    done = synapse(*words, "--help")

    assert done.code == 0
    assert done.err == ""
    assert done.out.startswith(f"Usage: synapse {' '.join(words)} ")
    assert ("--json" in done.out) == (words not in WITHOUT_JSON)


@pytest.mark.parametrize("name", ["", *(n for n, e in GROUPS.entries.items() if type(e) is Group)])
def test_a_group_alone_lists_its_commands(synapse: Call, name: str) -> None:
    done = synapse(*([name] if name else []))

    assert done.code == 0
    group = GROUPS.entries[name] if name else GROUPS
    assert isinstance(group, Group)
    for word, entry in group.entries.items():
        assert f"  {word} " in done.out
        assert entry.summary in " ".join(done.out.split())


def test_help_is_added_only_to_words_that_do_nothing_else() -> None:
    assert with_help([]) == ["--help"]
    assert with_help(["run"]) == ["run", "--help"]
    assert with_help(["run", "list"]) == ["run", "list"]
    assert with_help(["run", "nothing"]) == ["run", "nothing"]
    assert with_help(["--version"]) == ["--version"]


def test_help_loads_no_command() -> None:
    code = textwrap.dedent("""
        import json, sys
        from synapse_mcp.cli.__main__ import run
        code = run(["--help"]) + run(["run", "--help"])
        print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)
    """)
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=30
    )

    code, loaded = json.loads(done.stderr)

    assert code == 0
    unwanted = ("rich", "ray", "mcp", "jinja2", "sqlite3", "yaml", "ruamel")
    assert [name for name in loaded if name.split(".")[0] in unwanted] == []
    assert [name for name in loaded if name.startswith("synapse_core.operations")] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rnu"], "Did you mean 'run'"),
        (["run", "lst"], "Did you mean 'list'"),
        (["run", "list", "--statu", "failed"], "--status"),
        (["run", "show"], "Missing argument 'RUN'"),
        (["run", "list", "--status", "done"], "'done' is not one of"),
        (["run", "list", "--limit", "many"], "--limit"),
        (["run", "list", "--limit", "0"], "--limit"),
        (["run", "list", "extra"], "unexpected extra argument"),
    ],
)
def test_a_slip_in_the_words_is_named_with_the_way_to_help(
    synapse: Call, words: list[str], said: str
) -> None:
    done = synapse(*words)

    assert done.code == 2
    assert done.out == ""
    assert said in done.err
    assert "--help" in done.err
    assert "Traceback" not in done.err


def test_a_slip_in_the_words_is_json_for_a_program(synapse: Call) -> None:
    done = synapse("run", "list", "--limit", "many", "--json")

    assert done.code == 2
    assert done.json["error"]["code"] == "usage"
    assert done.json["error"]["exit_code"] == 2


def test_the_version_is_that_of_the_package(program: Call) -> None:
    done = program("--version")

    assert (done.code, done.err) == (0, "")
    assert done.out.split()[0] == "synapse"


def test_help_is_drawn_on_a_terminal(terminals: OpenTerminal) -> None:
    code, text = terminals("run", "--help").end()

    assert code == 0
    assert "╭─" in text
    assert "Watch a run until it ends." in text


def test_the_tree_can_be_built_twice() -> None:
    assert list(build_root().commands) == list(build_root().commands) == list(GROUPS.entries)


def test_the_page_of_the_command_line_tells_what_the_commands_do() -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert page == render_page(page), "python -m tests.cli.reference"

"""The flags of synapse-mcp."""

import subprocess
import sys
from pathlib import Path

import pytest

import synapse_core
from synapse_mcp.settings import TOOLSETS, ConfirmPolicy, Settings, parse_settings


def test_without_flags_the_default_toolsets_are_on() -> None:
    settings = parse_settings([])

    assert settings == Settings()
    assert settings.roots is None
    assert settings.offers("run_start")
    assert settings.offers("plugin_scaffold")
    assert not settings.offers("run_delete")


def test_roots_may_be_repeated_and_listed(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("a b", "ü", "c")]
    for folder in folders:
        folder.mkdir()
    one, two, three = map(str, folders)

    settings = parse_settings(["--root", one, two, "--root", three, "--root", one])

    assert settings.roots == tuple(folder.resolve() for folder in folders)


def test_tools_add_to_the_toolsets_and_exclusions_win() -> None:
    flags = [
        "--toolsets",
        "author",
        "--tools",
        "run_list, run_start",
        "--exclude-tools",
        "run_start",
    ]

    settings = parse_settings(flags)

    offered = [name for names in TOOLSETS.values() for name in names if settings.offers(name)]
    assert offered == ["run_list", "plugin_scaffold", "plugin_check"]


def test_a_policy_of_confirmation_is_read() -> None:
    assert parse_settings(["--confirm", "always"]).confirm is ConfirmPolicy.ALWAYS


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--toolsets", "cor"], "There is no toolset 'cor'. Did you mean 'core'?"),
        (["--tools", "run_strat"], "There is no tool 'run_strat'. Did you mean 'run_start'?"),
        (["--exclude-tools", "x"], "There is no tool 'x'. There are: plugin_search"),
        (["--root", "/no/such/folder"], "--root '/no/such/folder' does not exist."),
        (["--root", __file__], "is no folder."),
        (["--confirm", "maybe"], "invalid choice: 'maybe'"),
        (["--readonly"], "unrecognized arguments: --readonly"),
    ],
)
def test_a_wrong_flag_is_told_with_the_way_to_help(
    flags: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        parse_settings(flags)

    assert end.value.code == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert told in shown.err
    assert shown.err.endswith("Try: synapse-mcp --help\n")


@pytest.mark.parametrize(
    ("flag", "told"), [("--help", "--exclude-tools"), ("--version", synapse_core.__version__)]
)
def test_help_and_version_go_to_stdout_without_loading_the_sdk(flag: str, told: str) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "synapse_mcp", flag],
        check=True,
        capture_output=True,
        text=True,
        timeout=20,
    )

    assert told in done.stdout
    assert " mcp.server" not in done.stderr

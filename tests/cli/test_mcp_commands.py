import json
import os
import subprocess
import tomllib
from pathlib import Path

import pytest

from synapse_core.operations.clients import ServerCommand
from synapse_mcp.cli.mcp.warming import warm_start
from tests.cli.calling import Call


def user_file(tmp_path: Path, *parts: str) -> Path:
    return tmp_path.joinpath("user", *parts)


def test_the_server_is_listed_and_taken_off_again(synapse: Call, tmp_path: Path) -> None:
    file = user_file(tmp_path, ".claude.json")
    before = '{\n  // mine\n  "mcpServers": {"files": {"command": "npx"}}\n}\n'
    file.write_text(before)

    done = synapse("mcp", "install", "--client", "claude-code", "--json")

    assert done.code == 0
    assert done.json["is_changed"]
    assert Path(done.json["backup"]).read_text() == before
    entry = json.loads(file.read_text().replace("// mine", ""))["mcpServers"]["synapse"]
    assert entry["env"] == {"SYNAPSE_HOME": str(tmp_path / "home")}
    assert os.access(entry["command"], os.X_OK)
    again = synapse("mcp", "install", "--client", "claude-code")
    assert "already lists the server" in again.out
    gone = synapse("mcp", "install", "--client", "claude-code", "--uninstall")
    assert gone.code == 0
    assert json.loads(file.read_text().replace("// mine", "")) == {
        "mcpServers": {"files": {"command": "npx"}}
    }


def records(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "home" / "cache" / "mcp-start").glob("*.json"))


def test_the_first_start_of_a_server_that_was_installed_is_quick(
    synapse: Call, tmp_path: Path, variables: dict[str, str]
) -> None:
    """The record was made by the command that the client runs, so that it finds it."""
    done = synapse("mcp", "install", "--client", "cursor", "--", "--read-only")
    entry = json.loads(user_file(tmp_path, ".cursor", "mcp.json").read_text())
    server = entry["mcpServers"]["synapse"]
    (record,) = records(tmp_path)
    warmed = subprocess.run(
        [server["command"], *server["args"], "--warm"],
        check=True,
        capture_output=True,
        text=True,
        env={**variables, **server["env"]},
        cwd=tmp_path,
    )
    gone = synapse("mcp", "install", "--client", "cursor", "--uninstall", "--json")

    assert "started once" in done.out
    assert Path(warmed.stdout.strip()) == record
    assert not gone.json["is_warm"]
    assert records(tmp_path) == [record], "left for other clients"


def test_a_server_that_cannot_start_is_listed_all_the_same(synapse: Call, tmp_path: Path) -> None:
    done = synapse("mcp", "install", "--client", "cursor", "--json", "--", "--toolsets", "cor")

    assert done.code == 0
    assert not done.json["is_warm"]
    assert "could not be started once" in done.err
    assert "Did you mean 'core'" in done.err
    assert user_file(tmp_path, ".cursor", "mcp.json").exists()


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("exit 3", "It ended with code 3."),
        ("echo no such package >&2; exit 1", "no such package"),
        (None, "cannot be started"),
    ],
)
def test_why_a_start_failed_is_told(tmp_path: Path, source: str | None, fault: str) -> None:
    program = tmp_path / "uvx"
    if source is not None:
        program.write_text(f"#!/bin/sh\n{source}\n")
        program.chmod(0o755)

    assert fault in str(warm_start(ServerCommand(command=str(program), args=("synapse-mcp",))))


def test_a_dry_run_shows_the_entry_and_no_secret_of_others(synapse: Call, tmp_path: Path) -> None:
    file = user_file(tmp_path, ".codex", "config.toml")
    file.parent.mkdir()
    file.write_text('[mcp_servers.files]\ncommand = "npx"\nenv = { TOKEN = "hunter2" }\n')

    done = synapse("mcp", "install", "--client", "codex", "--dry-run")

    assert "+[mcp_servers.synapse]" in done.out
    assert records(tmp_path) == []
    assert "hunter2" not in done.out + done.err
    assert "synapse" not in file.read_text()


def test_a_client_without_a_folder_of_its_own_is_given_this_one(
    synapse: Call, folder: Path, tmp_path: Path
) -> None:
    synapse("mcp", "install", "--client", "windsurf", "--", "--read-only")

    file = user_file(tmp_path, ".codeium", "windsurf", "mcp_config.json")
    args = json.loads(file.read_text())["mcpServers"]["synapse"]["args"]
    assert args[-3:] == ["--root", str(folder), "--read-only"]


def test_the_scope_of_the_project_is_a_file_in_it(synapse: Call, folder: Path) -> None:
    done = synapse("mcp", "install", "--client", "vscode", "--scope", "project", "--root", folder)

    assert done.code == 0
    entry = json.loads((folder / ".vscode" / "mcp.json").read_text())["servers"]["synapse"]
    assert entry["type"] == "stdio"
    assert entry["args"][-2:] == ["--root", str(folder)]


def test_what_a_client_needs_can_be_added_by_hand(synapse: Call, tmp_path: Path) -> None:
    as_toml = synapse("mcp", "config", "--client", "codex", "--name", "runs")
    as_json = synapse("mcp", "config", "--client", "cursor", "--json").json

    assert tomllib.loads(as_toml.out)["mcp_servers"]["runs"]["command"]
    assert str(user_file(tmp_path, ".codex", "config.toml")) in as_toml.err
    assert json.loads(as_json["text"])["mcpServers"]["synapse"]["args"] == as_json["server"]["args"]
    assert not user_file(tmp_path, ".codex").exists()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--client", "curser"], 2, "Did you mean 'cursor'"),
        (["--client", "windsurf", "--scope", "project"], 2, "It knows: user"),
        ([], 2, "--client"),
        (["--client", "cursor", "--name", ""], 2, "no name for a server"),
    ],
)
def test_what_cannot_be_done_is_told(synapse: Call, words: list[str], code: int, said: str) -> None:
    done = synapse("mcp", "install", *words)

    assert done.code == code
    assert said in done.err


def test_a_broken_file_is_left_alone(synapse: Call, tmp_path: Path) -> None:
    file = user_file(tmp_path, ".gemini", "settings.json")
    file.parent.mkdir()
    file.write_text('{"mcpServers": {')

    done = synapse("mcp", "install", "--client", "gemini")

    assert done.code == 2
    assert "line 1, column 17" in done.err
    assert file.read_text() == '{"mcpServers": {'


def test_the_server_can_be_served_from_here(program: Call) -> None:
    done = program("mcp", "serve", "--", "--version")

    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("synapse-mcp ")

import json
import stat
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from synapse_core.config.home import Home
from synapse_core.errors import (
    ConfigError,
    InvalidInputError,
    OverwriteRefusedError,
    StorageError,
)
from synapse_core.operations.clients import (
    ClientChange,
    ClientScope,
    Machine,
    ServerCommand,
    client_names,
    default_roots,
    install_client,
    list_client_statuses,
    render_entry,
    server_command,
    uninstall_client,
)

SERVER = ServerCommand(
    command="/opt/synapse/bin/synapse-mcp",
    args=("--root", "/my plugins"),
    env={"SYNAPSE_HOME": "/srv/synapse"},
)
CONFIG, LIBRARY, ROAMING = (
    "user/.config",
    "user/Library/Application Support",
    "user/AppData/Roaming",
)
DESKTOP = "claude_desktop_config.json"
USER, PROJECT, LOCAL = ClientScope.USER, ClientScope.PROJECT, ClientScope.LOCAL

CODEX = """\
# how I like it
model = "o9"   # the best

[mcp_servers.files]   # keep
command = "npx"
args = ["-y", "files"]

[profiles.fast]
model = "o9-mini"
"""


def machine_in(folder: Path, platform: str = "linux") -> Machine:
    return Machine(user_home=folder / "user", project=folder / "project", platform=platform)


def install(folder: Path, client: str, scope: ClientScope = USER, **more: object) -> ClientChange:
    machine = machine_in(folder)
    home = Home(folder / "synapse")
    return install_client(home, client, scope, SERVER, machine=machine, **more)  # type: ignore[arg-type]  # forwarded as given


def load(path: Path) -> Any:  # noqa: ANN401 free JSON, of which the test knows the shape
    if path.suffix == ".toml":
        return tomllib.loads(path.read_text(encoding="utf-8"))
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("client", "scope", "platform", "file", "keys"),
    [
        ("claude-desktop", USER, "linux", f"{CONFIG}/Claude/{DESKTOP}", "mcpServers"),
        ("claude-desktop", USER, "darwin", f"{LIBRARY}/Claude/{DESKTOP}", "mcpServers"),
        ("claude-desktop", USER, "win32", f"{ROAMING}/Claude/{DESKTOP}", "mcpServers"),
        ("claude-code", USER, "linux", "user/.claude.json", "mcpServers"),
        ("claude-code", PROJECT, "linux", "project/.mcp.json", "mcpServers"),
        ("cursor", USER, "darwin", "user/.cursor/mcp.json", "mcpServers"),
        ("cursor", PROJECT, "linux", "project/.cursor/mcp.json", "mcpServers"),
        ("vscode", USER, "linux", f"{CONFIG}/Code/User/mcp.json", "servers"),
        ("vscode", USER, "darwin", f"{LIBRARY}/Code/User/mcp.json", "servers"),
        ("vscode", USER, "win32", f"{ROAMING}/Code/User/mcp.json", "servers"),
        ("vscode", PROJECT, "linux", "project/.vscode/mcp.json", "servers"),
        ("codex", USER, "linux", "user/.codex/config.toml", "mcp_servers"),
        ("codex", PROJECT, "linux", "project/.codex/config.toml", "mcp_servers"),
        ("gemini", USER, "linux", "user/.gemini/settings.json", "mcpServers"),
        ("gemini", PROJECT, "linux", "project/.gemini/settings.json", "mcpServers"),
        ("windsurf", USER, "linux", "user/.codeium/windsurf/mcp_config.json", "mcpServers"),
    ],
)
def test_each_client_finds_the_server_in_its_own_file(
    tmp_path: Path, client: str, scope: ClientScope, platform: str, file: str, keys: str
) -> None:
    machine = machine_in(tmp_path, platform)

    change = install_client(Home(tmp_path / "synapse"), client, scope, SERVER, machine=machine)

    assert change.path == tmp_path / file
    assert change.backup is None
    entry = load(change.path)[keys]["synapse"]
    assert entry["command"] == SERVER.command
    assert entry["args"] == ["--root", "/my plugins"]
    assert entry["env"] == {"SYNAPSE_HOME": "/srv/synapse"}


def test_the_local_scope_of_claude_code_lies_below_the_project(tmp_path: Path) -> None:
    change = install(tmp_path, "claude-code", LOCAL)

    project = load(change.path)["projects"][str(tmp_path / "project")]
    assert "synapse" in project["mcpServers"]


@pytest.mark.parametrize("client", client_names())
def test_installing_twice_changes_nothing_the_second_time(tmp_path: Path, client: str) -> None:
    first = install(tmp_path, client)
    text = first.path.read_text(encoding="utf-8")

    second = install(tmp_path, client)

    assert first.is_changed
    assert not second.is_changed
    assert second.path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("client", client_names())
def test_uninstalling_takes_the_entry_and_nothing_else(tmp_path: Path, client: str) -> None:
    path = install(tmp_path, client).path
    machine = machine_in(tmp_path)

    change = uninstall_client(Home(tmp_path / "synapse"), client, USER, machine=machine)
    again = uninstall_client(Home(tmp_path / "synapse"), client, USER, machine=machine)

    assert change.is_changed
    assert "synapse-mcp" not in path.read_text(encoding="utf-8")
    assert not again.is_changed
    assert list_client_statuses(machine) == ((), ())


def test_uninstalling_where_no_file_is_makes_none(tmp_path: Path) -> None:
    change = uninstall_client(
        Home(tmp_path / "synapse"), "cursor", USER, machine=machine_in(tmp_path)
    )

    assert not change.is_changed
    assert not change.path.exists()


def test_comments_and_other_servers_stay_in_toml(tmp_path: Path) -> None:
    file = tmp_path / "user" / ".codex" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(CODEX, encoding="utf-8")

    change = install(tmp_path, "codex")

    text = file.read_text(encoding="utf-8")
    assert [line for line in CODEX.splitlines() if line not in text.splitlines()] == []
    servers = tomllib.loads(text)["mcp_servers"]
    assert servers["files"] == {"command": "npx", "args": ["-y", "files"]}
    assert servers["synapse"]["command"] == SERVER.command
    assert change.backup is not None
    assert change.backup.read_text(encoding="utf-8") == CODEX
    uninstall_client(Home(tmp_path / "synapse"), "codex", USER, machine=machine_in(tmp_path))
    assert file.read_text(encoding="utf-8") == CODEX


def test_servers_in_an_inline_table_are_joined_by_ours(tmp_path: Path) -> None:
    file = tmp_path / "user" / ".codex" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text('mcp_servers = { files = { command = "npx" } }\n', encoding="utf-8")

    install(tmp_path, "codex")

    assert set(tomllib.loads(file.read_text(encoding="utf-8"))["mcp_servers"]) == {
        "files",
        "synapse",
    }


def test_codex_waits_for_the_server_until_a_person_says_otherwise(tmp_path: Path) -> None:
    file = install(tmp_path, "codex").path
    text = file.read_text(encoding="utf-8")
    assert tomllib.loads(text)["mcp_servers"]["synapse"]["required"] is True
    file.write_text(text.replace("required = true", "required = false"), encoding="utf-8")

    assert not install(tmp_path, "codex").is_changed


def test_what_a_person_added_to_our_entry_stays(tmp_path: Path) -> None:
    file = tmp_path / "user" / ".gemini" / "settings.json"
    file.parent.mkdir(parents=True)
    file.write_text(
        '{"mcpServers": {"synapse": {\n  // trusted\n  "trust": true,\n'
        '  "command": "/old/bin/synapse-mcp", "url": "http://old",\n'
        '  "env": {"MINE": "1"}}}}',
        encoding="utf-8",
    )

    change = install(tmp_path, "gemini")

    assert "// trusted" in change.after
    entry = json.loads(change.after.replace("// trusted", ""))["mcpServers"]["synapse"]
    assert entry == {
        "trust": True,
        "command": SERVER.command,
        "args": list(SERVER.args),
        "env": {"MINE": "1", "SYNAPSE_HOME": "/srv/synapse"},
    }


def test_another_server_of_the_same_name_is_not_replaced(tmp_path: Path) -> None:
    file = tmp_path / "user" / ".cursor" / "mcp.json"
    file.parent.mkdir(parents=True)
    text = '{"mcpServers": {"synapse": {"command": "matrix-synapse"}}}'
    file.write_text(text, encoding="utf-8")

    with pytest.raises(OverwriteRefusedError, match="--name"):
        install(tmp_path, "cursor")
    with pytest.raises(OverwriteRefusedError):
        uninstall_client(Home(tmp_path / "s"), "cursor", USER, machine=machine_in(tmp_path))

    assert file.read_text(encoding="utf-8") == text
    install(tmp_path, "cursor", name="synapse-runs")
    assert set(json.loads(file.read_text(encoding="utf-8"))["mcpServers"]) == {
        "synapse",
        "synapse-runs",
    }


@pytest.mark.parametrize(
    ("client", "file", "content", "words"),
    [
        ("cursor", ".cursor/mcp.json", b'{"mcpServers": {', "line 1, column 17"),
        ("cursor", ".cursor/mcp.json", b'{"mcpServers": []}', "mcpServers is no object"),
        ("cursor", ".cursor/mcp.json", b"[]", "no JSON object"),
        ("cursor", ".cursor/mcp.json", b'{"a": "\xff"}', "no UTF-8"),
        ("codex", ".codex/config.toml", b"a = [1\nb = ", "no TOML"),
        ("codex", ".codex/config.toml", b"mcp_servers = 5", "mcp_servers is no table"),
    ],
)
def test_a_broken_file_is_left_as_it_is(
    tmp_path: Path, client: str, file: str, content: bytes, words: str
) -> None:
    path = tmp_path / "user" / file
    path.parent.mkdir(parents=True)
    path.write_bytes(content)

    with pytest.raises(ConfigError, match=words) as caught:
        install(tmp_path, client)

    assert "nothing was changed" in caught.value.hint
    assert path.read_bytes() == content
    assert not (tmp_path / "synapse" / "backups").exists()


def test_permissions_stay_and_copies_are_private(tmp_path: Path) -> None:
    file = tmp_path / "user" / ".claude.json"
    file.parent.mkdir(parents=True)
    file.write_text('{"oauth": "secret"}', encoding="utf-8")
    file.chmod(0o640)

    change = install(tmp_path, "claude-code")

    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert change.backup is not None
    assert stat.S_IMODE(change.backup.stat().st_mode) == 0o600
    assert stat.S_IMODE(change.backup.parent.stat().st_mode) == 0o700


def test_only_the_newest_copies_are_kept(tmp_path: Path) -> None:
    machine, home = machine_in(tmp_path), Home(tmp_path / "synapse")
    for number in range(25):
        server = ServerCommand(command=f"/v{number}/synapse-mcp")
        install_client(home, "windsurf", USER, server, machine=machine)

    copies = sorted((home.root / "backups" / "windsurf").iterdir())

    assert len(copies) == 20
    assert any("/v23/synapse-mcp" in copy.read_text(encoding="utf-8") for copy in copies)


def test_a_dry_run_writes_nothing_at_all(tmp_path: Path) -> None:
    change = install(tmp_path, "vscode", PROJECT, dry_run=True)

    assert change.is_changed
    assert '"servers"' in change.after
    assert list(tmp_path.iterdir()) == []


def test_a_scope_that_a_client_lacks_is_named_with_those_it_has(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="It knows: user"):
        install(tmp_path, "windsurf", PROJECT)


def test_an_unknown_client_gets_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="Did you mean 'windsurf'"):
        install(tmp_path, "windsurfer")


def test_a_file_in_the_way_of_the_folder_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "user").mkdir()
    (tmp_path / "user" / ".cursor").write_text("")

    with pytest.raises(StorageError, match="nothing was changed"):
        install(tmp_path, "cursor")


def test_the_command_can_be_started_from_anywhere(tmp_path: Path) -> None:
    server = server_command([tmp_path], ["--read-only"], environ={"SYNAPSE_HOME": "/h"})

    assert Path(server.command).is_absolute()
    assert Path(server.command).parent == Path(sys.executable).parent
    assert server.args[-3:] == ("--root", str(tmp_path), "--read-only")
    assert server.env == {"SYNAPSE_HOME": "/h"}
    assert server_command([], environ={}).env == {}


def test_clients_that_start_nowhere_in_particular_are_given_the_folder(tmp_path: Path) -> None:
    machine = machine_in(tmp_path)

    assert default_roots("claude-desktop", USER, machine) == (tmp_path / "project",)
    assert default_roots("claude-code", USER, machine) == ()
    assert default_roots("vscode", PROJECT, machine) == ()


def test_the_entry_can_be_added_by_hand(tmp_path: Path) -> None:
    machine = machine_in(tmp_path)

    _, as_json = render_entry("vscode", PROJECT, SERVER, "synapse", machine)
    path, as_toml = render_entry("codex", USER, SERVER, "synapse", machine)

    assert json.loads(as_json)["servers"]["synapse"]["type"] == "stdio"
    assert path == tmp_path / "user" / ".codex" / "config.toml"
    assert as_toml.startswith("[mcp_servers.synapse]\n")
    assert tomllib.loads(as_toml)["mcp_servers"]["synapse"]["args"] == list(SERVER.args)


def test_statuses_tell_where_it_is_listed_and_whether_it_would_start(tmp_path: Path) -> None:
    machine, home = machine_in(tmp_path), Home(tmp_path / "synapse")
    install(tmp_path, "cursor")
    running = ServerCommand(command=sys.executable, args=("-m", "synapse_mcp"))
    install_client(home, "codex", USER, running, machine=machine)
    broken = tmp_path / "user" / ".gemini" / "settings.json"
    broken.parent.mkdir()
    broken.write_text("{", encoding="utf-8")

    found, faults = list_client_statuses(machine)

    assert [(status.client, status.is_runnable) for status in found] == [
        ("cursor", False),
        ("codex", True),
    ]
    assert [str(broken) in fault.message for fault in faults] == [True]

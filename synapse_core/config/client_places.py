"""Where MCP clients keep the list of their servers, and how they write it.

Sources: the vendors' documentation as of November 2026.

- Claude Code: code.claude.com/docs/en/mcp
- Claude Desktop: modelcontextprotocol.io/quickstart/user
- Cursor: docs.cursor.com/context/mcp
- VS Code: code.visualstudio.com/docs/copilot/reference/mcp-configuration
- Codex: developers.openai.com/codex/mcp
- Gemini CLI: geminicli.com/docs/tools/mcp-server
- Windsurf: docs.windsurf.com/windsurf/cascade/mcp
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from synapse_core.config.client_files import FileFormat
from synapse_core.errors import InvalidInputError, nearest
from synapse_core.types import JSONValue

__all__ = ["Client", "ClientScope", "Machine", "Place", "client_names", "find_client"]


class ClientScope(StrEnum):
    """For whom a server is listed."""

    USER = "user"
    """For the user, in every project."""
    PROJECT = "project"
    """For everybody who works in the project; the file belongs into its repository."""
    LOCAL = "local"
    """For the user, in this project only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What decides where the files lie.

    Attributes:
        user_home: Home folder of the user.
        project: The project: the current folder.
        environ: Variables that move folders: `APPDATA`, `XDG_CONFIG_HOME`, `CODEX_HOME`, …
        platform: As `sys.platform`.
    """

    user_home: Path
    project: Path
    environ: Mapping[str, str] = field(default_factory=dict[str, str])
    platform: str = sys.platform

    def app_data(self) -> Path:
        """Return the folder in which desktop programs keep their configuration."""
        if self.platform == "darwin":
            return self.user_home / "Library" / "Application Support"
        if self.platform == "win32":
            return self.moved("APPDATA", self.user_home / "AppData" / "Roaming")
        return self.moved("XDG_CONFIG_HOME", self.user_home / ".config")

    def moved(self, variable: str, usual: Path) -> Path:
        """Return the folder that the variable names, else the usual one."""
        given = self.environ.get(variable)
        return Path(given) if given else usual


@dataclass(frozen=True, slots=True)
class Place:
    """A list of servers: the file, and the keys that lead to the list in it."""

    file: Path
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """An MCP client.

    Attributes:
        name: What it is chosen by.
        title: Name for people.
        format: How its file is written.
        places: Where each scope that it knows is kept.
        entry: Keys of each entry besides command, arguments and variables.
        new_entry: Keys that a new entry gets, and that are the user's from then on.
        is_started_in_project: Whether it starts its servers in the folder of the project.
        next_step: What a person does so that the client sees the change.
    """

    name: str
    title: str
    places: Mapping[ClientScope, Callable[[Machine], Place]]
    next_step: str
    format: FileFormat = FileFormat.JSON
    entry: Mapping[str, JSONValue] = field(default_factory=dict[str, JSONValue])
    new_entry: Mapping[str, JSONValue] = field(default_factory=dict[str, JSONValue])
    is_started_in_project: bool = False

    def place(self, scope: ClientScope, machine: Machine) -> Place:
        """Return where the client keeps its servers for the scope.

        Raises:
            InvalidInputError: The client has no such scope.
        """
        find = self.places.get(scope)
        if find is None:
            known = ", ".join(self.places)
            raise InvalidInputError(
                f"{self.title} knows no scope {scope.value!r}.", hint=f"It knows: {known}."
            )
        return find(machine)


def client_names() -> tuple[str, ...]:
    """Return the names of the clients that are known."""
    return tuple(_CLIENTS)


def find_client(name: str) -> Client:
    """Return the client of this name.

    Raises:
        InvalidInputError: None is known by it.
    """
    try:
        return _CLIENTS[name]
    except KeyError:
        hint = f"{nearest(name, _CLIENTS)} Known: {', '.join(_CLIENTS)}.".strip()
        raise InvalidInputError(f"No client is called {name!r}.", hint=hint) from None


_SERVERS = ("mcpServers",)


def _claude_code_file(machine: Machine) -> Path:
    return machine.moved("CLAUDE_CONFIG_DIR", machine.user_home) / ".claude.json"


def _codex_user_file(machine: Machine) -> Path:
    return machine.moved("CODEX_HOME", machine.user_home / ".codex") / "config.toml"


_CLIENTS: Mapping[str, Client] = {
    client.name: client
    for client in (
        Client(
            name="claude-desktop",
            title="Claude Desktop",
            places={
                ClientScope.USER: lambda machine: Place(
                    machine.app_data() / "Claude" / "claude_desktop_config.json", _SERVERS
                )
            },
            next_step="Quit Claude Desktop and start it again.",
        ),
        Client(
            name="claude-code",
            title="Claude Code",
            places={
                ClientScope.USER: lambda machine: Place(_claude_code_file(machine), _SERVERS),
                ClientScope.PROJECT: lambda machine: Place(machine.project / ".mcp.json", _SERVERS),
                ClientScope.LOCAL: lambda machine: Place(
                    _claude_code_file(machine), ("projects", str(machine.project), *_SERVERS)
                ),
            },
            entry={"type": "stdio"},
            is_started_in_project=True,
            next_step="Start a new session; `claude mcp list` shows whether it connects.",
        ),
        Client(
            name="cursor",
            title="Cursor",
            places={
                ClientScope.USER: lambda machine: Place(
                    machine.user_home / ".cursor" / "mcp.json", _SERVERS
                ),
                ClientScope.PROJECT: lambda machine: Place(
                    machine.project / ".cursor" / "mcp.json", _SERVERS
                ),
            },
            next_step="Open Cursor's MCP settings and switch the server on.",
        ),
        Client(
            name="vscode",
            title="VS Code",
            places={
                ClientScope.USER: lambda machine: Place(
                    machine.app_data() / "Code" / "User" / "mcp.json", ("servers",)
                ),
                ClientScope.PROJECT: lambda machine: Place(
                    machine.project / ".vscode" / "mcp.json", ("servers",)
                ),
            },
            entry={"type": "stdio"},
            next_step="Run `MCP: List Servers` in VS Code and start the server.",
        ),
        Client(
            name="codex",
            title="Codex",
            places={
                ClientScope.USER: lambda machine: Place(
                    _codex_user_file(machine), ("mcp_servers",)
                ),
                ClientScope.PROJECT: lambda machine: Place(
                    machine.project / ".codex" / "config.toml", ("mcp_servers",)
                ),
            },
            format=FileFormat.TOML,
            # Codex begins its first turn without servers that need more than a second to start,
            # unless they are required.
            new_entry={"required": True},
            is_started_in_project=True,
            next_step="Start a new session; `codex mcp list` shows the server.",
        ),
        Client(
            name="gemini",
            title="Gemini CLI",
            places={
                ClientScope.USER: lambda machine: Place(
                    machine.user_home / ".gemini" / "settings.json", _SERVERS
                ),
                ClientScope.PROJECT: lambda machine: Place(
                    machine.project / ".gemini" / "settings.json", _SERVERS
                ),
            },
            is_started_in_project=True,
            next_step="Start a new session; `gemini mcp list` shows whether it connects.",
        ),
        Client(
            name="windsurf",
            title="Windsurf",
            places={
                ClientScope.USER: lambda machine: Place(
                    machine.user_home / ".codeium" / "windsurf" / "mcp_config.json", _SERVERS
                )
            },
            next_step="Press Refresh in the MCP panel of Cascade.",
        ),
    )
}

"""Lists the Synapse server with MCP clients, in the files that are theirs.

The files belong to somebody else and hold other servers, comments and secrets. So only the one
entry changes; what was there before is copied first; a file that cannot be understood is left
alone; and a file that its client writes at the same moment is read again.
"""

import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from synapse_core.config.atomic import lock_file
from synapse_core.config.client_files import ClientFile
from synapse_core.config.client_places import (
    Client,
    ClientScope,
    Machine,
    Place,
    client_names,
    find_client,
)
from synapse_core.config.home import Home
from synapse_core.errors import (
    ConfigError,
    ConflictError,
    InvalidInputError,
    OverwriteRefusedError,
    StorageError,
)
from synapse_core.types import JSONObject, JSONValue
from synapse_core.version import __version__

__all__ = [
    "SERVER_NAME",
    "ClientChange",
    "ClientScope",
    "ClientStatus",
    "Machine",
    "ServerCommand",
    "client_names",
    "default_roots",
    "install_client",
    "list_client_statuses",
    "render_entry",
    "server_command",
    "this_machine",
    "uninstall_client",
]

SERVER_NAME = "synapse"
"""What the server is called in the clients' lists, unless told otherwise."""

_OURS = ("synapse-mcp", "synapse_mcp")
"""One of these stands in the command of each entry that starts our server."""

_REMOTE_KEYS = ("url", "httpUrl", "serverUrl", "headers")
"""Keys of an entry that would speak to a server over HTTP instead of starting ours."""

_ATTEMPTS = 5
"""How often a file is read again because its client wrote it meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerCommand:
    """How a client starts the server."""

    command: str
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientChange:
    """What was, or would be, changed in a client's file.

    Attributes:
        client: Name of the client.
        title: Its name for people.
        scope: For whom the server is listed.
        path: The file.
        is_changed: Whether anything differs from before.
        before: Text of the file before; empty when there was none. May hold secrets of others.
        after: Text afterwards.
        backup: Copy of the file as it was; None when none was needed.
        next_step: What a person does so that the client sees the change.
    """

    client: str
    title: str
    scope: ClientScope
    path: Path
    is_changed: bool
    before: str
    after: str
    backup: Path | None
    next_step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientStatus:
    """Whether a client knows the server.

    Attributes:
        client: Name of the client.
        scope: For whom the server is listed.
        path: The file in which it is listed.
        command: The program that the client starts, as listed.
        is_runnable: Whether that program can be found.
    """

    client: str
    scope: ClientScope
    path: Path
    command: str
    is_runnable: bool


def this_machine(environ: Mapping[str, str]) -> Machine:
    """Return the machine and the folder that this process runs in.

    Raises:
        ConfigError: The user has no home folder.
    """
    try:
        user_home = Path.home()
    except RuntimeError as error:
        raise ConfigError(
            "This user has no home folder, where clients keep their files.",
            hint="Set HOME, or print the entry with `synapse mcp config` and add it by hand.",
        ) from error
    return Machine(user_home=user_home, project=Path.cwd(), environ=environ)


def default_roots(client_name: str, scope: ClientScope, machine: Machine) -> tuple[Path, ...]:
    """Return the roots that the server needs to be given for this client.

    None where the client starts it in the project. Elsewhere it would start in `/` or in the user's
    home and look for plugins there, so it is given the current folder.
    """
    client = find_client(client_name)
    if client.is_started_in_project or scope is not ClientScope.USER:
        return ()
    return (machine.project,)


def server_command(
    roots: Sequence[Path], further: Sequence[str] = (), *, environ: Mapping[str, str]
) -> ServerCommand:
    """Return how to start the server of this installation from anywhere.

    Programs with a window know nothing of the shell's `PATH` or of an active virtual environment,
    so the program is named by its absolute path. `uvx` installs anew each time; there it is named
    instead of what it installed.

    Args:
        roots: Folders with plugins; none for the folder in which the client starts it.
        further: Further arguments of `synapse-mcp`.
        environ: Of this process; a `SYNAPSE_HOME` in it is handed on.
    """
    args = [part for root in roots for part in ("--root", str(root.absolute()))] + list(further)
    env = {"SYNAPSE_HOME": environ["SYNAPSE_HOME"]} if environ.get("SYNAPSE_HOME") else {}
    command, before = _program()
    return ServerCommand(command=command, args=(*before, *args), env=env)


def render_entry(
    client_name: str, scope: ClientScope, server: ServerCommand, name: str, machine: Machine
) -> tuple[Path, str]:
    """Return the client's file, and the text to add to it by hand.

    Raises:
        InvalidInputError: No such client, or it has no such scope.
    """
    client = find_client(client_name)
    place = client.place(scope, machine)
    text = _with_entry("", client, place, name, server)
    return place.file, text


def install_client(
    home: Home,
    client_name: str,
    scope: ClientScope,
    server: ServerCommand,
    *,
    machine: Machine,
    name: str = SERVER_NAME,
    dry_run: bool = False,
) -> ClientChange:
    """List the server with the client; an entry of the same name is brought up to date.

    Of an entry that is there, the command, its arguments and the variables given here change; other
    keys and variables stay. Doing it again changes nothing.

    Raises:
        InvalidInputError: No such client, or it has no such scope.
        OverwriteRefusedError: The name is taken by another server.
        ConfigError: The client's file is broken; it is left as it is.
        StorageError: It cannot be read or written; it is left as it is.
    """
    client = find_client(client_name)
    place = client.place(scope, machine)
    return _change(
        home,
        client,
        scope,
        place,
        lambda text: _with_entry(text, client, place, name, server),
        dry_run=dry_run,
    )


def uninstall_client(
    home: Home,
    client_name: str,
    scope: ClientScope,
    *,
    machine: Machine,
    name: str = SERVER_NAME,
    dry_run: bool = False,
) -> ClientChange:
    """Take the server off the client's list; nothing else changes.

    Raises:
        InvalidInputError: No such client, or it has no such scope.
        OverwriteRefusedError: What is listed under the name is another server.
        ConfigError: The client's file is broken; it is left as it is.
        StorageError: It cannot be read or written; it is left as it is.
    """
    client = find_client(client_name)
    place = client.place(scope, machine)

    def edit(text: str) -> str:
        file = ClientFile(place.file, client.format)
        _check_ours(_entry(file, text, place, name), name, place)
        return file.without_value(text, (*place.keys, name))

    return _change(home, client, scope, place, edit, dry_run=dry_run)


def list_client_statuses(
    machine: Machine, *, name: str = SERVER_NAME
) -> tuple[tuple[ClientStatus, ...], tuple[ConfigError | StorageError, ...]]:
    """Return where the server is listed, and what is wrong with files that could not be read."""
    found: list[ClientStatus] = []
    faults: list[ConfigError | StorageError] = []
    for client_name in client_names():
        client = find_client(client_name)
        for scope in client.places:
            try:
                status = _status(client, scope, machine, name)
            except (ConfigError, StorageError) as error:
                faults.append(error)
            else:
                found += [status] if status is not None else []
    return tuple(found), tuple(faults)


def _status(client: Client, scope: ClientScope, machine: Machine, name: str) -> ClientStatus | None:
    place = client.place(scope, machine)
    file = ClientFile(place.file, client.format)
    entry = _entry(file, file.read(), place, name)
    if entry is None:
        return None
    command = str(entry.get("command", ""))
    return ClientStatus(
        client=client.name,
        scope=scope,
        path=place.file,
        command=command,
        is_runnable=shutil.which(command, path=machine.environ.get("PATH")) is not None,
    )


def _program() -> tuple[str, tuple[str, ...]]:
    # uv unpacks what `uvx` runs below a folder of this name, and clears it away again.
    if "archive-v0" in Path(sys.prefix).parts:
        uvx = shutil.which("uvx") or "uvx"
        return uvx, ("--from", f"synapse-mcp=={__version__}", "synapse-mcp")
    suffix = ".exe" if os.name == "nt" else ""
    script = Path(sys.executable).with_name(f"synapse-mcp{suffix}")
    if script.is_file():
        return str(script), ()
    return sys.executable, ("-m", "synapse_mcp")


def _with_entry(text: str, client: Client, place: Place, name: str, server: ServerCommand) -> str:
    """Return the text with the entry; single values are set, so that all others in it stay."""
    if not name or not name.isprintable():
        raise InvalidInputError(
            f"{name!r} is no name for a server.", hint="Use letters, digits, `-` and `_`."
        )
    file = ClientFile(place.file, client.format)
    entry = _entry(file, text, place, name)
    _check_ours(entry, name, place)
    at = (*place.keys, name)
    for key in _REMOTE_KEYS:
        if entry is not None and key in entry:
            text = file.without_value(text, (*at, key))
    wanted: JSONObject = {
        **client.entry,
        "command": server.command,
        "args": list[JSONValue](server.args),
        **(client.new_entry if entry is None else {}),
    }
    for key, value in wanted.items():
        text = file.with_value(text, (*at, key), value)
    for key, value in server.env.items():
        text = file.with_value(text, (*at, "env", key), value)
    return text


def _entry(file: ClientFile, text: str, place: Place, name: str) -> JSONObject | None:
    value: JSONValue = file.parse(text)
    for key in (*place.keys, name):
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else None


def _check_ours(entry: JSONObject | None, name: str, place: Place) -> None:
    if entry is None:
        return
    starts = f"{entry.get('command')} {entry.get('args')}"
    if not any(word in starts for word in _OURS):
        raise OverwriteRefusedError(
            f"{place.file} lists another server under the name {name!r}.",
            hint="Give another name with --name, or remove that entry first.",
            path=str(place.file),
        )


def _change(
    home: Home,
    client: Client,
    scope: ClientScope,
    place: Place,
    edit: Callable[[str], str],
    *,
    dry_run: bool,
) -> ClientChange:
    file = ClientFile(place.file, client.format)
    before = file.read()
    after = edit(before)
    backup = None
    if after != before and not dry_run:
        before, after, backup = _replace(home, client, file, edit)
    return ClientChange(
        client=client.name,
        title=client.title,
        scope=scope,
        path=place.file,
        is_changed=after != before,
        before=before,
        after=after,
        backup=backup,
        next_step=client.next_step,
    )


def _replace(
    home: Home, client: Client, file: ClientFile, edit: Callable[[str], str]
) -> tuple[str, str, Path | None]:
    """Edit the file, and again when its client wrote it meanwhile."""
    home.ensure()
    with lock_file(home.cache_dir / f"client-{client.name}"):
        for _ in range(_ATTEMPTS):
            before = file.read()
            after = edit(before)
            if after == before:
                return before, after, None
            file.parse(after)
            folder = home.root / "backups" / client.name
            backup = file.back_up(before, folder) if before else None
            if file.read() == before:
                file.write(after)
                return before, after, backup
    raise ConflictError(
        f"{client.title} keeps writing {file.path}.",
        hint=f"Close {client.title}, then try again; nothing was changed.",
        path=str(file.path),
    )

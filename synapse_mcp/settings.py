"""What the flags of `synapse-mcp` decide."""

import argparse
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NoReturn

import synapse_core
from synapse_core.errors import InvalidInputError, nearest

__all__ = [
    "DEFAULT_TOOLSETS",
    "TOOLSETS",
    "ConfirmPolicy",
    "HttpSettings",
    "Settings",
    "parse_settings",
]

TOOLSETS: Mapping[str, tuple[str, ...]] = {
    "core": (
        "plugin_search",
        "plugin_describe",
        "run_start",
        "run_status",
        "run_logs",
        "run_list",
        "run_cancel",
        "run_outputs",
        "env_doctor",
    ),
    "author": ("plugin_scaffold", "plugin_check"),
    "admin": ("run_delete",),
    "serve": ("deployment_list", "deployment_apply", "deployment_logs", "deployment_delete"),
}
"""Names of all tools by toolset. Kept apart from the tools, so that `--help` imports none."""

DEFAULT_TOOLSETS = ("core", "author")


class ConfirmPolicy(StrEnum):
    """When a person, or at least a second call, must confirm a destructive tool."""

    AUTO = "auto"
    """Deleting asks: the person if the client can, else the call must repeat what is deleted."""
    ALWAYS = "always"
    """Every destructive tool asks the person; a client that cannot ask is refused."""
    NEVER = "never"
    """Nothing asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """How the server is reached over HTTP.

    Attributes:
        host: Address to listen at.
        port: Port to listen at; 0 for any free one.
        token_file: File with the bearer token; None for `SYNAPSE_MCP_TOKEN`, else one of the home.
        allowed_hosts: Names by which clients may reach it besides loopback ones, `name` or
            `name:port`.
        workers: Processes that answer.
    """

    host: str = "127.0.0.1"
    port: int = 8321
    token_file: Path | None = None
    allowed_hosts: tuple[str, ...] = ()
    workers: int = 1

    @property
    def is_loopback(self) -> bool:
        """Whether only programs on this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How this server was started.

    Attributes:
        roots: Folders in which plugins are looked for and written; None for the default ones.
        toolsets: Names of the toolsets that are on.
        tools: Tools on besides those of the toolsets.
        exclude_tools: Tools that are off, whatever else says they are on.
        read_only: Only tools that change nothing are on; wins over every other flag.
        confirm: When destructive tools ask.
        http: How it is reached over HTTP; None for stdin and stdout.
    """

    roots: tuple[Path, ...] | None = None
    toolsets: frozenset[str] = frozenset(DEFAULT_TOOLSETS)
    tools: frozenset[str] = frozenset()
    exclude_tools: frozenset[str] = frozenset()
    read_only: bool = False
    confirm: ConfirmPolicy = ConfirmPolicy.AUTO
    http: HttpSettings | None = None

    def offers(self, tool: str) -> bool:
        """Return whether the flags name the tool; `read_only` is for the caller, who knows it."""
        in_toolset = any(tool in TOOLSETS[toolset] for toolset in self.toolsets)
        return (in_toolset or tool in self.tools) and tool not in self.exclude_tools


def parse_settings(argv: Sequence[str]) -> Settings:
    """Read the flags; prints help or what is wrong, and exits, as command lines do.

    Raises:
        SystemExit: 0 after `--help` or `--version`, 2 for wrong flags.
    """
    parser = _parser()
    given = parser.parse_args(argv)
    known_tools = [name for names in TOOLSETS.values() for name in names]
    try:
        return Settings(
            roots=_roots(given.root),
            toolsets=_names("toolset", given.toolsets, list(TOOLSETS)),
            tools=_names("tool", given.tools, known_tools),
            exclude_tools=_names("tool", given.exclude_tools, known_tools),
            read_only=given.read_only,
            confirm=ConfirmPolicy(given.confirm),
            http=_http(given),
        )
    except InvalidInputError as error:
        parser.error(str(error))


class _Parser(argparse.ArgumentParser):
    """Names the program and the way to help in one line each, without the whole usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"synapse-mcp: {message}\nTry: synapse-mcp --help\n")


def _parser() -> argparse.ArgumentParser:
    listed = "\n".join(f"  {name:7} {', '.join(tools)}" for name, tools in TOOLSETS.items())
    parser = _Parser(
        prog="synapse-mcp",
        description="Serve Synapse to an MCP client over stdin and stdout.",
        epilog=f"toolsets:\n{listed}\n\nMCP.md tells how to configure clients.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--root",
        action="extend",
        nargs="+",
        default=None,
        metavar="DIR",
        help="folder with plugins; nothing outside the roots is touched. May be repeated. "
        "Default: the current folder and the folders registered in the configuration",
    )
    parser.add_argument(
        "--toolsets",
        default=",".join(DEFAULT_TOOLSETS),
        metavar="NAMES",
        help="toolsets to offer, separated by commas; default: %(default)s",
    )
    parser.add_argument(
        "--tools", default="", metavar="NAMES", help="tools to offer besides those of the toolsets"
    )
    parser.add_argument("--exclude-tools", default="", metavar="NAMES", help="tools not to offer")
    parser.add_argument(
        "--read-only", action="store_true", help="offer only tools that change nothing"
    )
    parser.add_argument(
        "--confirm",
        choices=[policy.value for policy in ConfirmPolicy],
        default=ConfirmPolicy.AUTO.value,
        help="when destructive tools ask for a yes: deletions only (auto), all of them and only a "
        "person (always), none (never); default: %(default)s",
    )
    _add_http_flags(parser)
    parser.add_argument(
        "--warm",
        action="store_true",
        help="record the answers that the next start with the other flags gives at once, and exit",
    )
    version = f"synapse-mcp {synapse_core.__version__}"
    parser.add_argument("--version", action="version", version=version)
    return parser


def _add_http_flags(parser: argparse.ArgumentParser) -> None:
    usual = HttpSettings()
    group = parser.add_argument_group("over HTTP")
    group.add_argument(
        "--http", action="store_true", help="serve streamable HTTP at /mcp instead of stdio"
    )
    group.add_argument(
        "--host",
        default=usual.host,
        metavar="ADDRESS",
        help="address to listen at; beyond loopback a token of your own and --allow-host are "
        "needed; default: %(default)s",
    )
    group.add_argument("--port", type=int, default=usual.port, help="port; default: %(default)s")
    group.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="file with the bearer token that clients must send; default: the variable "
        "SYNAPSE_MCP_TOKEN, else a token that is made once and kept in the home",
    )
    group.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="name by which clients reach this machine; may be repeated",
    )
    group.add_argument(
        "--workers",
        type=int,
        default=usual.workers,
        help="processes that answer; default: %(default)s",
    )


def _http(given: argparse.Namespace) -> HttpSettings | None:
    if not given.http:
        return None
    if not 0 <= given.port <= 65535:  # noqa: PLR2004 - the range of ports
        raise InvalidInputError(f"--port {given.port} is no port.", hint="Give 0 to 65535.")
    if not 1 <= given.workers <= 64:  # noqa: PLR2004 - more than any machine has use for
        raise InvalidInputError(f"--workers {given.workers} cannot be.", hint="Give 1 to 64.")
    http = HttpSettings(
        host=given.host,
        port=given.port,
        token_file=given.token_file,
        allowed_hosts=tuple(given.allow_host),
        workers=given.workers,
    )
    if not http.is_loopback and not http.allowed_hosts:
        raise InvalidInputError(
            f"--host {http.host} lets other machines in, but not under which name.",
            hint="Add --allow-host NAME, the name or address that clients use.",
        )
    return http


def _roots(given: Sequence[str] | None) -> tuple[Path, ...] | None:
    if given is None:
        return None
    roots: list[Path] = []
    for text in given:
        root = Path(text).expanduser()
        if not root.is_dir():
            what = "is no folder" if root.exists() else "does not exist"
            raise InvalidInputError(f"--root {text!r} {what}.", hint="Make it, or name another.")
        roots.append(root.resolve())
    return tuple(dict.fromkeys(roots))


def _names(what: str, given: str, known: Sequence[str]) -> frozenset[str]:
    names = [name.strip() for name in given.split(",") if name.strip()]
    for name in names:
        if name not in known:
            hint = f"{nearest(name, known)} There are: {', '.join(known)}."
            raise InvalidInputError(f"There is no {what} {name!r}.", hint=hint.strip())
    return frozenset(names)

"""What the tests of the MCP server share: places, plugins, and a client as a test wants it."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any, cast

from mcp import Client
from mcp.client.session import ClientRequestContext, ElicitationFnT
from mcp.types import CallToolResult, ElicitRequestParams, ElicitResult, TextContent

from synapse_mcp.server.assembly import build_server
from synapse_mcp.settings import parse_settings

ERAS = ("legacy", "2026-07-28")
PATIENCE_S = 40.0


@dataclass(frozen=True)
class Place:
    """A home and a root of their own."""

    folder: Path

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def root(self) -> Path:
        return self.folder / "plugins"

    def plugin(self, code: str, source: str, *, actions: str = "run", more: str = "") -> Path:
        """Write a plugin whose module `actions` has the source, and return its folder."""
        folder = self.root / code
        folder.mkdir(parents=True, exist_ok=True)
        listed = "".join(f"  {name}:\n    entrypoint: actions:{name}\n" for name in actions.split())
        manifest = f"name: {code}\ncode: {code}\nversion: 1.0.0\n{more}actions:\n{listed}"
        (folder / "config.yaml").write_text(manifest, encoding="utf-8")
        (folder / "actions.py").write_text(dedent(source), encoding="utf-8")
        return folder


@dataclass
class Agent:
    """A client as a test wants it: answers opened, errors told apart."""

    client: Client
    questions: list[str] = field(default_factory=list[str])

    async def raw(self, tool: str, /, **arguments: object) -> CallToolResult:
        return await self.client.call_tool(tool, dict[str, Any](arguments))

    async def call(self, tool: str, /, **arguments: object) -> dict[str, Any]:
        """Call a tool that must succeed and return its structured content."""
        result = await self.raw(tool, **arguments)
        assert not result.is_error, text_of(result)
        return cast("dict[str, Any]", result.structured_content)

    async def fail(self, tool: str, /, **arguments: object) -> str:
        """Call a tool that must fail and return the text of its error."""
        result = await self.raw(tool, **arguments)
        assert result.is_error, text_of(result)
        return text_of(result)

    async def read(self, uri: str) -> str:
        """Return the text of a resource."""
        (content,) = (await self.client.read_resource(uri)).contents
        return cast("str", getattr(content, "text"))  # noqa: B009 (its type has blobs too)


def text_of(result: CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


Connect = Callable[..., AbstractAsyncContextManager[Agent]]


def answering(answer: str | None, questions: list[str]) -> ElicitationFnT | None:
    """Return a user who gives this answer to every question; None for a client without a user."""
    if answer is None:
        return None

    async def ask(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        del context  # the answer does not depend on it
        questions.append(params.message)
        if answer == "yes":
            return ElicitResult(action="accept", content={"yes": True})
        if answer == "unticked":
            return ElicitResult(action="accept", content={"yes": False})
        return ElicitResult(action="decline" if answer == "no" else "cancel")

    return ask


def embed_in(place: Place) -> Connect:
    """Return a function that connects a client to a server within this process."""

    @asynccontextmanager
    async def connected(
        *flags: str,
        mode: str = "2026-07-28",
        answer: str | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> AsyncGenerator[Agent]:
        settings = parse_settings(["--root", str(place.root), *flags])
        server = build_server(settings, home=place.home, environ=environ)
        questions: list[str] = []
        async with Client(
            server,
            mode=mode,
            read_timeout_seconds=PATIENCE_S,
            elicitation_callback=answering(answer, questions),
        ) as client:
            yield Agent(client, questions)

    return connected

"""Makes the call that the code behind a request works with."""

from collections.abc import Set as AbstractSet
from typing import Any, TypeAlias

from mcp.server import ServerRequestContext
from mcp.types import InputResponseRequestParams

from synapse_core.config.home import Home
from synapse_core.errors import ConfigError, SynapseError
from synapse_mcp.calls import Call
from synapse_mcp.server.client import ProtocolClient
from synapse_mcp.server.host import Host

__all__ = ["Context", "open_call"]

Context: TypeAlias = ServerRequestContext[Host, Any]


async def open_call(
    context: Context, tools: AbstractSet[str], params: InputResponseRequestParams | None = None
) -> Call:
    """Return what the code behind a request may use.

    That the workspace cannot be opened is told by whatever needs it; the doctor does not.

    Args:
        context: The request.
        tools: Names of the tools that the server offers.
        params: Its params, where they may hold the answer to a question.
    """
    host = context.lifespan_context
    try:
        opened = await host.workspace()
    except SynapseError as error:
        opened = error
    return Call(
        opened=opened,
        home=_home(host),
        environ=host.environ,
        redactor=host.redactor,
        settings=host.settings,
        tools=frozenset(tools),
        client=ProtocolClient(context, params),
        threads=host.threads,
        looks=host.looks,
        waits=host.waits,
    )


def _home(host: Host) -> Home | None:
    try:
        return host.home
    except ConfigError:
        return None

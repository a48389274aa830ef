"""Makes the call that the code behind a request works with."""

from collections.abc import Set as AbstractSet
from typing import Any, TypeAlias

from mcp.server import ServerRequestContext
from mcp.types import InputResponseRequestParams

from synapse_mcp.calls import Call
from synapse_mcp.server.client import ProtocolClient
from synapse_mcp.server.host import Host

__all__ = ["Context", "open_call"]

Context: TypeAlias = ServerRequestContext[Host, Any]


async def open_call(
    context: Context, tools: AbstractSet[str], params: InputResponseRequestParams | None = None
) -> Call:
    """Return what the code behind a request may use.

    Args:
        context: The request.
        tools: Names of the tools that the server offers.
        params: Its params, where they may hold the answer to a question.

    Raises:
        SynapseError: The workspace cannot be opened.
    """
    host = context.lifespan_context
    return Call(
        workspace=await host.workspace(),
        settings=host.settings,
        tools=frozenset(tools),
        client=ProtocolClient(context, params),
        threads=host.threads,
    )

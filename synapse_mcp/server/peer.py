"""Who sent a request, as far as the transport tells."""

import hashlib
import os
from dataclasses import dataclass

from synapse_mcp.server.opening import Context

__all__ = ["Peer", "peer_of"]

_SESSION_HEADER = "mcp-session-id"
_SESSION_CHARS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """The sender of a request.

    Attributes:
        transport: `stdio` or `http`.
        principal: Under whose authority it acts: the user of this process, or whoever has the
            token.
        address: Where it comes from; empty on stdio.
        session: Tells sessions of one address apart; empty where there are none. It is a digest:
            the id itself would let its reader into the session.
    """

    transport: str
    principal: str
    address: str = ""
    session: str = ""

    @property
    def key(self) -> str:
        """What all requests of one client share."""
        return self.session or self.address or self.transport


def peer_of(context: Context) -> Peer:
    """Return who sent the request."""
    request = context.request
    if request is None:
        return Peer(transport="stdio", principal=f"uid {os.getuid()}")
    session = str(request.headers.get(_SESSION_HEADER) or "")
    return Peer(
        transport="http",
        principal="token",
        address=str(request.client.host) if request.client is not None else "",
        session=hashlib.sha256(session.encode()).hexdigest()[:_SESSION_CHARS] if session else "",
    )

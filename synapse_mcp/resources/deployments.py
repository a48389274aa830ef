"""How a deployment stands, and what its replicas say, as resources."""

import json
from collections.abc import Mapping
from dataclasses import asdict

from synapse_core.errors import InvalidInputError
from synapse_mcp.calls import Call
from synapse_mcp.errors import clip
from synapse_mcp.resources.declaration import Content, Resource
from synapse_mcp.results.deployments import log_lines

__all__ = ["DEPLOYMENT_RESOURCES"]

_LOG_TAIL = 200
_MOST_LINES = 1000


def _read_deployment(call: Call, variables: Mapping[str, str]) -> Content:
    from synapse_core.operations.deployments.views import (  # noqa: PLC0415 - few servers are asked for it
        show_deployment,
    )

    # Another cluster is not connected to, only because somebody looks.
    name = variables["deployment"]
    view = show_deployment(call.workspace.home, call.environ, name, connect=False)
    told = {**asdict(view), "wanted": view.wanted}
    return Content(json.dumps(told, ensure_ascii=False, indent=1), "application/json")


def _read_log(call: Call, variables: Mapping[str, str]) -> Content:
    from synapse_core.operations.deployments.views import (  # noqa: PLC0415 - see above
        read_deployment_logs,
    )

    name, cursor = variables["deployment"], variables.get("cursor") or None
    tail = _to_tail(variables.get("tail") or str(_LOG_TAIL))
    page = read_deployment_logs(
        call.workspace.home,
        name,
        cursor=cursor,
        tail=None if cursor else tail,
        limit=_MOST_LINES,
    )
    more = f"[lines to come: deployment://{name}/log?cursor={page.next_cursor}]"
    return Content("\n".join([*log_lines(page), more]), "text/plain")


def _to_tail(text: str) -> int:
    if text.isascii() and text.isdecimal() and 1 <= int(text) <= _MOST_LINES:
        return int(text)
    raise InvalidInputError(
        f"tail={clip(text, 40)} cannot be.", hint=f"Give a number from 1 to {_MOST_LINES}."
    )


DEPLOYMENT_RESOURCES = (
    Resource(
        uri="deployment://{deployment}",
        name="deployment",
        title="Deployment",
        description="What answers requests over HTTP: state, address, release, how many replicas "
        "are wanted and ready, what each of them tells, and what is wrong",
        media_type="application/json",
        read=_read_deployment,
    ),
    Resource(
        uri="deployment://{deployment}/log{?cursor,tail}",
        name="deployment_log",
        title="Log of a deployment",
        description="What the replicas of a deployment say, in the order of time: the last lines, "
        "or those after a cursor; the final line tells where to read on",
        media_type="text/plain",
        read=_read_log,
    ),
)

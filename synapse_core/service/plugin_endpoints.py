"""What can be started: plugins, and how their actions are called."""

from functools import partial

from starlette.responses import Response

from synapse_core.service.desk import Asked, Desk, json_response
from synapse_core.service.endpoint import Endpoint, Parameter
from synapse_core.service.scopes import Scope

__all__ = ["PLUGIN_ENDPOINTS"]

_PLUGINS = "/api/v1/plugins"
_MAX_PLUGINS = 500


async def _list(desk: Desk, asked: Asked) -> Response:
    search = partial(
        desk.own_runs.plugins,
        asked.text("query") or "",
        category=asked.text("category"),
        limit=asked.count("limit", 50, most=_MAX_PLUGINS),
        cursor=asked.text("cursor"),
    )
    return json_response(await desk.blocking(search))


async def _show(desk: Desk, asked: Asked) -> Response:
    code = str(asked.request.path_params["plugin"])
    return json_response({"plugin": await desk.blocking(partial(desk.own_runs.plugin, code))})


async def _describe(desk: Desk, asked: Asked) -> Response:
    given = asked.request.path_params
    describe = partial(desk.own_runs.action, str(given["plugin"]), str(given["name"]))
    return json_response(await desk.blocking(describe))


PLUGIN_ENDPOINTS = (
    Endpoint(
        method="GET",
        path=_PLUGINS,
        scope=Scope.READ,
        answer=_list,
        summary="List the plugins with a word of the query, those with most of them first.",
        query=(
            Parameter("query", "Words of code, name, description, actions or pipelines."),
            Parameter("category", "Only plugins or actions for this."),
            Parameter("limit", "Most plugins to return.", "integer"),
            Parameter("cursor", "`next_cursor` of the page before."),
        ),
        answers="PluginPage",
    ),
    Endpoint(
        method="GET",
        path=f"{_PLUGINS}/{{plugin}}",
        scope=Scope.READ,
        answer=_show,
        summary="Show a plugin with its actions and pipelines.",
        answers="PluginAnswer",
    ),
    Endpoint(
        method="GET",
        path=f"{_PLUGINS}/{{plugin}}/actions/{{name}}",
        scope=Scope.READ,
        answer=_describe,
        summary="Describe an action or pipeline: JSON schema of its params, and an example.",
        answers="ActionAnswer",
    ),
)

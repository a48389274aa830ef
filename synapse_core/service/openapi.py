"""The OpenAPI document of the service, made of its routes and of the models it speaks in."""

import re
from collections.abc import Iterable

from synapse_core.model.event import EventKind, LogLevel
from synapse_core.model.run import ArtifactInfo, Run, RunStatus, RunSummary
from synapse_core.service.endpoint import Endpoint
from synapse_core.service.problems import PROBLEM_TYPE
from synapse_core.service.schemas import add_schema, ref_to
from synapse_core.types import JSONObject, JSONValue
from synapse_core.version import __version__

__all__ = ["openapi_document"]

_PLACE = re.compile(r"\{(\w+)(?::path)?\}")


def openapi_document(endpoints: Iterable[Endpoint]) -> JSONObject:
    """Return the document."""
    schemas = dict(_ANSWERS)
    for model in (Run, RunSummary, ArtifactInfo):
        add_schema(schemas, model)
    paths: dict[str, JSONValue] = {}
    for endpoint in endpoints:
        if endpoint.order is not None:
            add_schema(schemas, endpoint.order)
        path = paths.setdefault(_PLACE.sub(r"{\1}", endpoint.path), {})
        if isinstance(path, dict):
            path[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Synapse run service",
            "version": __version__,
            "description": "Runs, their events and their files. A slash at the end of a path means "
            "nothing. Errors have the form of RFC 9457.",
        },
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(endpoint: Endpoint) -> JSONObject:
    parameters: list[JSONValue] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PLACE.findall(endpoint.path)
    ]
    for parameter in endpoint.query:
        schema: JSONObject = {"type": parameter.type}
        if parameter.is_list:
            schema = {"type": "array", "items": schema}
        parameters.append(
            {
                "name": parameter.name,
                "in": "query",
                "description": parameter.description,
                "schema": schema,
                **({"explode": False} if parameter.is_list else {}),
            }
        )
    success: JSONObject = {"description": "Done."}
    if endpoint.answers is not None:
        success["content"] = {endpoint.media_type: {"schema": ref_to(endpoint.answers)}}
    problem: JSONObject = {
        "description": "Refused or failed.",
        "content": {PROBLEM_TYPE: {"schema": ref_to("Problem")}},
    }
    operation: JSONObject = {
        "summary": endpoint.summary,
        "operationId": operation_id(endpoint),
        "parameters": parameters,
        "responses": {str(endpoint.status): success, "default": problem},
    }
    if endpoint.scope is None:
        operation["security"] = []
    else:
        operation["description"] = f"Needs a token of scope `{endpoint.scope}`."
    if endpoint.order is not None:
        operation["requestBody"] = _body("application/json", ref_to(endpoint.order.__name__))
    elif endpoint.body is not None:
        operation["requestBody"] = _body(endpoint.body, _TEXT)
    return operation


def _body(media_type: str, schema: JSONObject) -> JSONObject:
    content: JSONObject = {media_type: {"schema": schema}}
    return {"required": True, "content": content}


def operation_id(endpoint: Endpoint) -> str:
    """Return a name of the operation, made of its method and path."""
    words = re.findall(r"\w+", endpoint.path.removeprefix("/api/v1"))
    return "_".join([endpoint.method.lower(), *words]).replace("-", "_")


def _object(**properties: JSONValue) -> JSONObject:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list[JSONValue](properties),
    }


def _list(item: JSONValue) -> JSONObject:
    return {"type": "array", "items": item}


_TEXT: JSONObject = {"type": "string"}
_NUMBER: JSONObject = {"type": "number"}
_COUNT: JSONObject = {"type": "integer"}
_YES_NO: JSONObject = {"type": "boolean"}
_OBJECT: JSONObject = {"type": "object"}
_CURSOR: JSONObject = {"type": ["string", "null"]}

_OPTIONAL_NUMBER: JSONObject = {"type": ["number", "null"]}
_OPTIONAL_TEXT: JSONObject = {"type": ["string", "null"]}
_OPTIONAL_COUNT: JSONObject = {"type": ["integer", "null"]}
_STATUS: JSONObject = {"type": "string", "enum": [status.value for status in RunStatus]}

_ACTION = _object(
    name=_TEXT,
    title=_TEXT,
    description=_TEXT,
    category=_TEXT,
    method=_TEXT,
    input_type=_OPTIONAL_TEXT,
    output_type=_OPTIONAL_TEXT,
    resources=_OBJECT,
    timeout_s=_OPTIONAL_NUMBER,
    retry=_OBJECT,
    kind=_TEXT,
)
_PLUGIN = _object(
    code=_TEXT,
    name=_TEXT,
    version=_TEXT,
    category=_TEXT,
    description=_TEXT,
    actions=_list(_ACTION),
    pipelines=_list(_TEXT),
)
_PIPELINE_NODE = _object(
    name=_TEXT,
    action=_TEXT,
    needs=_list(_TEXT),
    inputs=_OBJECT,
    when=_list(_TEXT),
    map={},
    retries=_COUNT,
    timeout_s=_OPTIONAL_NUMBER,
    cache=_YES_NO,
    merges=_YES_NO,
    undo=_OPTIONAL_TEXT,
    nodes={"type": ["array", "null"], "items": ref_to("PipelineNode")},
)
_NODE_PROGRESS = _object(
    name=_TEXT,
    action=_TEXT,
    status=_STATUS,
    progress=_NUMBER,
    progress_category=_OPTIONAL_TEXT,
    message=_OPTIONAL_TEXT,
    metrics=_OBJECT,
    needs=_list(_TEXT),
    run_ids=_list(_TEXT),
    done=_COUNT,
    total=_COUNT,
    attempt=_COUNT,
    eta_s=_OPTIONAL_NUMBER,
    started_at=_OPTIONAL_TEXT,
    completed_at=_OPTIONAL_TEXT,
    error=_OPTIONAL_TEXT,
    nodes=_list(ref_to("NodeProgress")),
)
_PROGRESS = _object(
    run_id=_TEXT,
    pipeline_id=_TEXT,
    status=_STATUS,
    current_action=_OPTIONAL_TEXT,
    current_action_index=_OPTIONAL_COUNT,
    progress=_list(ref_to("NodeProgress")),
    started_at=_OPTIONAL_TEXT,
    completed_at=_OPTIONAL_TEXT,
    error=_OPTIONAL_TEXT,
)

_EVENT = _object(
    seq=_COUNT,
    time=_NUMBER,
    kind={"type": "string", "enum": [kind.value for kind in EventKind]},
    data=_OBJECT,
)
_LINE = _object(
    seq=_COUNT,
    time=_NUMBER,
    level={"type": "string", "enum": [level.value for level in LogLevel]},
    source=_TEXT,
    text=_TEXT,
)

_ANSWERS: dict[str, JSONValue] = {
    "Problem": _object(
        type=_TEXT,
        title=_TEXT,
        status=_COUNT,
        detail=_TEXT,
        code=_TEXT,
        hint=_TEXT,
        data=_OBJECT,
    ),
    "Status": _object(status=_TEXT),
    "Version": _object(version=_TEXT, scope=_TEXT),
    "Text": _TEXT,
    "OpenApi": _OBJECT,
    "File": {"type": "string", "format": "binary"},
    "RunAnswer": _object(run=ref_to("Run")),
    "RunPage": _object(runs=_list(ref_to("Run")), next_cursor=_CURSOR),
    "Claim": _object(run={"anyOf": [ref_to("Run"), {"type": "null"}]}),
    "Done": _object(done=_YES_NO),
    "Deletion": _object(run_ids=_list(_TEXT), freed_bytes=_COUNT),
    "Event": _EVENT,
    "EventPage": _object(events=_list(ref_to("Event")), next_cursor=_CURSOR),
    "EventStream": {
        "type": "string",
        "description": "`id` is a cursor, `event` the kind, `data` an Event. `end` ends the run; "
        "`problem` brings a Problem.",
    },
    "Acknowledgement": _object(last_seq=_COUNT),
    "Waited": _object(has_more=_YES_NO),
    "SummaryAnswer": _object(summary=ref_to("RunSummary")),
    "LogPage": _object(
        lines=_list(_LINE),
        next_cursor=_TEXT,
        total_lines=_COUNT,
        truncated=_YES_NO,
        eof=_YES_NO,
    ),
    "CheckpointList": _object(
        checkpoints=_list(_object(seq=_COUNT, time=_NUMBER, name=_TEXT, state=_OBJECT))
    ),
    "Plugin": _PLUGIN,
    "PluginPage": _object(plugins=_list(ref_to("Plugin")), next_cursor=_OPTIONAL_TEXT),
    "PluginAnswer": _object(plugin=ref_to("Plugin")),
    "ActionAnswer": _object(
        plugin=ref_to("Plugin"),
        action=_ACTION,
        schema=_object(
            params=_OBJECT, result={"type": ["object", "null"]}, form=_list({}), example=_OBJECT
        ),
        output_kinds=_list(_TEXT),
    ),
    "PipelineList": _object(
        pipelines=_list(
            _object(id=_TEXT, plugin=_TEXT, name=_TEXT, description=_TEXT, nodes=_list(_TEXT))
        )
    ),
    "PipelineAnswer": _object(
        pipeline=_object(
            id=_TEXT,
            plugin=_TEXT,
            name=_TEXT,
            version=_TEXT,
            description=_TEXT,
            on_failure=_TEXT,
            max_parallel=_COUNT,
            timeout_s=_OPTIONAL_NUMBER,
            params=_OBJECT,
            nodes=_list(ref_to("PipelineNode")),
        )
    ),
    "PipelineNode": _PIPELINE_NODE,
    "NodeProgress": _NODE_PROGRESS,
    "ProgressAnswer": _object(progress=_PROGRESS),
    "ProgressStream": {
        "type": "string",
        "description": "`id` names a state, `event` is `progress`, `data` is a progress. `end` "
        "ends the run; `problem` brings a Problem.",
    },
    "NodeAnswer": _object(node=_TEXT, runs=_list(ref_to("Run"))),
    "ArtifactList": _object(artifacts=_list(ref_to("ArtifactInfo"))),
    "SharedFileList": _object(
        owner=_TEXT,
        files=_list(_object(path=_TEXT, size_bytes=_COUNT, mtime_ns=_COUNT, is_executable=_YES_NO)),
    ),
}
"""Schemas of the answers that are no model of ours."""

"""The call that an agent is shown when its own one failed: one that works, as near as can be."""

from collections.abc import Mapping
from typing import Any

from synapse_core.errors import InvalidInputError, SynapseError
from synapse_core.logs.redact import Redactor
from synapse_core.types import JSONObject, JSONValue
from synapse_mcp.advice import Fact, advice_for, as_call
from synapse_mcp.tools.declaration import Tool

__all__ = ["example_call"]

_PLUGIN_ARGUMENTS = ("plugin", "path")
_RUN_ARGUMENTS = ("run_id", "rerun_of")


def example_call(tool: Tool[Any], arguments: Mapping[str, Any], error: SynapseError) -> str:
    """Return a call that would work; empty when none is known.

    Args:
        tool: What was called.
        arguments: With what.
        error: What it met. `example` of its data is a whole call, or the right params;
            `suggestion` is what could stand in the place of the wrong value.
    """
    given = error.data.get("example")
    if isinstance(given, str):
        return given
    if isinstance(given, dict):
        found = as_call(tool.name, _discreet({**arguments, "params": given}))
    elif isinstance(error, InvalidInputError) and not advice_for(error.code).tool:
        found = as_call(tool.name, _discreet(_mended(tool, arguments, error)))
    else:
        found = advice_for(error.code).example(_facts(arguments, error))
    return "" if found == as_call(tool.name, arguments) else found


def _mended(tool: Tool[Any], arguments: Mapping[str, Any], error: SynapseError) -> JSONObject:
    """Return the arguments with the value that the error names replaced or left out."""
    wrong = [value for value in error.data.values() if isinstance(value, str)]
    mended: JSONObject = {}
    for name, value in arguments.items():
        is_wrong = name.endswith("cursor") or value in wrong
        if not is_wrong:
            mended[name] = value
        elif "suggestion" in error.data:
            mended[name] = error.data["suggestion"]
        elif tool.arguments.model_fields[name].is_required():
            mended[name] = tool.example.get(name)
    return mended


def _facts(arguments: Mapping[str, Any], error: SynapseError) -> dict[Fact, str]:
    found = {
        Fact.PLUGIN: _first(_PLUGIN_ARGUMENTS, arguments, error.data),
        Fact.RUN: _first(_RUN_ARGUMENTS, arguments, error.data),
    }
    return {fact: value for fact, value in found.items() if value is not None}


def _first(names: tuple[str, ...], *sources: Mapping[str, Any]) -> str | None:
    values = (source.get(name) for source in sources for name in names)
    return next((value for value in values if isinstance(value, str) and value), None)


def _discreet(arguments: JSONObject) -> JSONObject:
    """Return the arguments without the secrets among them, which their giver still has."""
    told: JSONValue = Redactor().value(arguments)
    return told if isinstance(told, dict) else {}

"""What an action that is at hand says of itself, for the graph that it shall stand in."""

import sys
from pathlib import Path

from synapse_core.actions.definition import Action, definition_of
from synapse_core.actions.json_schema import params_json_schema, result_json_schema
from synapse_core.errors import PipelineDefinitionError
from synapse_core.model.pipeline import Target
from synapse_core.pipelines.drafts import ActionFacts
from synapse_core.pipelines.kinds import known_fields
from synapse_core.plugins.layout import MANIFEST
from synapse_core.types import DataType, JSONObject

__all__ = ["accepted_params", "describe_python_action", "kinds_of_type", "place_action"]


def describe_python_action(action: Action | str) -> ActionFacts:
    """Return the facts of an action of this process.

    Raises:
        ActionDefinitionError: It cannot be executed, or its params cannot be described as JSON.
        PipelineDefinitionError: It is only named.
    """
    if isinstance(action, str):
        raise PipelineDefinitionError(
            f"{action!r} names an action of a plugin, which this process has not loaded.",
            hint="Give the class or function itself, or start the pipeline through an executor.",
            node=action,
        )
    definition = definition_of(action)
    definition.check()
    schema = params_json_schema(definition.params_model)
    result = definition.result_model
    consumed = definition.input_type
    return ActionFacts(
        target=Target(action=definition.name, accepts=accepted_params(schema)),
        params=schema,
        result=result_json_schema(result) if result is not None else None,
        input_type=consumed.__name__ if consumed is not None else None,
        output_kinds=kinds_of_type(definition.output_type),
    )


def accepted_params(schema: JSONObject) -> tuple[str, ...] | None:
    """Return the names of the params that a schema allows; None for any."""
    if schema.get("additionalProperties") is not False:
        return None
    return tuple(known_fields(schema) or ())


def kinds_of_type(data_type: type[DataType] | None) -> tuple[str, ...]:
    """Return the name of a semantic type and those of what it refines, the nearest first."""
    if data_type is None:
        return ()
    return tuple(one.__name__ for one in data_type.__mro__ if issubclass(one, DataType))


def place_action(action: Action) -> tuple[Path, str]:
    """Return the folder of an action's plugin, or that it is imported from, and its entrypoint.

    Raises:
        PipelineDefinitionError: Another process cannot import it.
    """
    name = getattr(action, "__qualname__", "")
    module = sys.modules.get(action.__module__)
    file = getattr(module, "__file__", None)
    if action.__module__ == "__main__" or "<locals>" in name or file is None:
        raise PipelineDefinitionError(
            f"{name or action!r} cannot be imported by another process: it is defined in "
            f"{'a function' if '<locals>' in name else 'the program itself'}.",
            hint="Put it into a module of a plugin, or use `pipeline.execute` in this process.",
        )
    parts = action.__module__.split(".")
    path = Path(file).resolve()
    depth = len(parts) + (path.name == "__init__.py")
    root = path.parents[depth - 1]
    above = [folder for folder in path.parents if folder.is_relative_to(root)]
    plugin = next((folder for folder in above if (folder / MANIFEST).is_file()), root)
    return plugin, f"{action.__module__}:{name}"

"""Finds what keeps the pipelines of a plugin from being executed, once its actions are known."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from synapse_core.config.yaml_text import Place, YamlPath, parse_yaml
from synapse_core.errors import (
    ManifestError,
    PipelineDefinitionError,
    PluginNotFoundError,
    SynapseError,
)
from synapse_core.model.plugin import Diagnostic, Plugin, Severity
from synapse_core.operations.pipeline_plans import compile_pipeline
from synapse_core.operations.plugins import find_plugin, pipeline_names
from synapse_core.plugins.layout import MANIFEST
from synapse_core.plugins.manifest_file import read_manifest
from synapse_core.types import JSONObject, JSONValue
from synapse_core.workspace import Workspace

__all__ = ["check_pipelines"]

_CODE = "invalid-pipeline"


def check_pipelines(workspace: Workspace, plugin: Plugin) -> list[Diagnostic]:
    """Return what is wrong with the pipelines, with the actions that they name in whatever plugin.

    Args:
        workspace: Where the plugins are.
        plugin: The plugin; its actions can be imported.

    Raises:
        StorageError: Its manifest cannot be read any more.
    """
    names = pipeline_names(plugin)
    if not names:
        return []
    places = parse_yaml(read_manifest(plugin.path), source=MANIFEST, error=ManifestError).places
    return [found for name in names for found in _check(workspace, plugin, name, places)]


def _check(
    workspace: Workspace, plugin: Plugin, name: str, places: Mapping[YamlPath, Place]
) -> Iterator[Diagnostic]:
    above: YamlPath = ("pipelines", name)
    try:
        compile_pipeline(workspace, plugin, name)
    except PipelineDefinitionError as error:
        problems = error.data.get("problems")
        for problem in problems if isinstance(problems, list) else []:
            if isinstance(problem, dict):
                found = _finding((*above, *_path_of(problem)), problem, places)
                is_elsewhere = _names_plugin_elsewhere(workspace, plugin, found.key)
                yield replace(found, severity=Severity.WARNING) if is_elsewhere else found
        if not problems:
            yield _finding(above, {"message": error.message, "fix": error.hint}, places)
    except SynapseError as error:  # an action of another plugin cannot be imported
        yield _finding(above, {"message": error.message, "fix": error.hint}, places)


def _names_plugin_elsewhere(workspace: Workspace, plugin: Plugin, key: str) -> bool:
    """Tell whether a finding is about an action of a plugin that is only not here."""
    value: JSONValue = plugin.manifest
    for step in key.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    code = value.partition("/")[0] if isinstance(value, str) and "/" in value else ""
    if not code:
        return False
    try:
        find_plugin(workspace, code)
    except PluginNotFoundError:
        return True
    return False


def _path_of(problem: JSONObject) -> YamlPath:
    node, field = str(problem.get("node", "")), str(problem.get("field", ""))
    steps = tuple(field.split(".", 1)) if field else ()
    return ("nodes", node, *steps) if node else steps


def _finding(path: YamlPath, problem: JSONObject, places: Mapping[YamlPath, Place]) -> Diagnostic:
    known = (places[path[:count]] for count in range(len(path), 0, -1) if path[:count] in places)
    place = next(known, Place(0, 0))
    return Diagnostic(
        code=_CODE,
        message=str(problem.get("message", "")),
        file=MANIFEST,
        line=place.line,
        column=place.column,
        key=".".join(map(str, path)),
        fix=str(problem.get("fix", "")),
    )

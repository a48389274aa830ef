"""Values offered while somebody fills in the variable of a template or prompt."""

from collections.abc import Callable, Iterable, Mapping

from synapse_core.errors import SynapseError
from synapse_core.model.event import LogLevel
from synapse_core.model.plugin import PluginCategory
from synapse_core.model.run import RunFilter
from synapse_core.operations.outputs import list_outputs
from synapse_core.operations.plugins import pipeline_names
from synapse_core.operations.runs import find_run, list_runs
from synapse_core.operations.startable import find_what_starts, search_what_starts
from synapse_core.workspace import Workspace
from synapse_mcp.errors import well_formed

__all__ = ["MAX_VALUES", "complete"]

MAX_VALUES = 100
"""The protocol allows no more."""

_Given = Mapping[str, str]


def complete(workspace: Workspace, name: str, value: str, given: _Given) -> list[str]:
    """Return values for the variable `name` that begin with `value`, else those that contain it.

    One name means the same in every template and prompt. A variable nothing is known about, or
    whose value depends on others that are wrong, gets no values: a person is still typing.

    Args:
        workspace: Where to look.
        name: The variable.
        value: What has been typed so far.
        given: Other variables already filled in.
    """
    source = _SOURCES.get(name)
    if source is None:
        return []
    try:
        known = list(dict.fromkeys(well_formed(item) for item in source(workspace, given)))
    except SynapseError:
        return []
    low = value.lower()
    starting = [item for item in known if item.lower().startswith(low)]
    inside = [item for item in known if low in item.lower() and item not in starting]
    return starting + inside


def _runs(workspace: Workspace, _given: _Given) -> Iterable[str]:
    return (run.id for run in list_runs(workspace, RunFilter(), limit=2 * MAX_VALUES).items)


def _plugins(workspace: Workspace, _given: _Given) -> Iterable[str]:
    return (plugin.code for plugin in search_what_starts(workspace, limit=2 * MAX_VALUES).items)


def _actions(workspace: Workspace, given: _Given) -> Iterable[str]:
    reference = given.get("id") or given.get("plugin")
    return find_what_starts(workspace, reference).actions if reference else ()


def _pipelines(workspace: Workspace, given: _Given) -> Iterable[str]:
    reference = given.get("plugin")
    return pipeline_names(find_what_starts(workspace, reference)) if reference else ()


def _deployments(workspace: Workspace, _given: _Given) -> Iterable[str]:
    from synapse_core.operations.deployments.views import (  # noqa: PLC0415 - few servers are asked for it
        deployment_names,
    )

    return deployment_names(workspace.home)


def _paths(workspace: Workspace, given: _Given) -> Iterable[str]:
    reference = given.get("run_id")
    if not reference:
        return ()
    return (artifact.name for artifact in list_outputs(workspace, find_run(workspace, reference)))


def _levels(_workspace: Workspace, _given: _Given) -> Iterable[str]:
    return (level.value for level in LogLevel)


def _categories(_workspace: Workspace, _given: _Given) -> Iterable[str]:
    return (category.value for category in PluginCategory)


_SOURCES: dict[str, Callable[[Workspace, _Given], Iterable[str]]] = {
    "run_id": _runs,
    "other": _runs,
    "id": _plugins,
    "plugin": _plugins,
    "action": _actions,
    "pipeline": _pipelines,
    "deployment": _deployments,
    "path": _paths,
    "level": _levels,
    "category": _categories,
}

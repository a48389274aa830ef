"""What the process of an attempt executes: an action of a plugin, or a pipeline."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TypeAlias

from synapse_core.actions.invoke import invoke
from synapse_core.actions.loading import load_action
from synapse_core.actions.results import result_to_json
from synapse_core.config.home import Home
from synapse_core.model.run import Run, RunKind
from synapse_core.runs.folders_note import away_folders_base, find_folders_note
from synapse_core.runs.nodes import shared_folder
from synapse_core.runtime.context import RuntimeContext
from synapse_core.runtime.pipeline_folders import MissingPipelineFolders, PipelineContext
from synapse_core.types import JSONValue

__all__ = ["PIPELINE_VARIABLE", "Work", "find_folders", "find_work"]

Work: TypeAlias = Callable[[RuntimeContext], JSONValue]

PIPELINE_VARIABLE = "SYNAPSE_PIPELINE"
"""Names the pipeline to its nodes."""

_CONDUCTOR = "synapse_core.pipelines.conducting"
"""Named like the module of an action: it stands above this floor, and is loaded for a pipeline."""


def find_work(run: Run, home: Home) -> Work:
    """Return what the run executes, loaded.

    Raises:
        ActionLoadError: The action cannot be imported, or is none.
    """
    if run.kind is RunKind.PIPELINE:
        conduct: Callable[[Run, Home, RuntimeContext], JSONValue]
        conduct = import_module(_CONDUCTOR).conduct
        return lambda context: conduct(run, home, context)
    action = load_action(Path(run.plugin_path), run.entrypoint)
    return lambda context: result_to_json(invoke(action, run.params, context))


def find_folders(run: Run, home: Home, *, is_away: bool) -> PipelineContext | None:
    """Return the folders that the nodes of the run's pipeline share; None for a run of its own.

    Args:
        run: The run.
        home: Where it works.
        is_away: Whether that is not the home that the pipeline is in.
    """
    if run.parent_id is None:
        return None
    name = run.env.get(PIPELINE_VARIABLE, "")
    if not is_away:
        base, owner = shared_folder(home, run.parent_id)
        return PipelineContext(name, owner, base)
    note = find_folders_note(home, run.id)
    if note is None or note.problem:
        problem = "" if note is None else note.problem
        return MissingPipelineFolders(name, run.parent_id, problem=problem)
    return PipelineContext(name, note.owner, away_folders_base(home))

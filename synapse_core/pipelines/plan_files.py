"""Keeps the plan of a pipeline run in the folder of the run."""

import json
from pathlib import Path

from synapse_core.config.atomic import write_atomically
from synapse_core.config.home import Home
from synapse_core.errors import StorageError
from synapse_core.model.pipeline import Plan
from synapse_core.model.plan_document import parse_plan, plan_document

__all__ = ["load_plan", "save_plan"]


def save_plan(home: Home, run_id: str, plan: Plan) -> None:
    """Write the plan; the folder of the run must exist.

    Raises:
        StorageError: It cannot be written.
    """
    content = json.dumps(plan_document(plan), ensure_ascii=False).encode()
    write_atomically(_path(home, run_id), content, mode=0o600)


def load_plan(home: Home, run_id: str) -> Plan:
    """Read the plan.

    Raises:
        InvalidInputError: What is there is no plan.
        StorageError: It cannot be read.
    """
    path = _path(home, run_id)
    try:
        return parse_plan(json.loads(path.read_bytes()))
    except OSError as error:
        raise StorageError(
            f"Cannot read {path}: {error.strerror}.",
            hint="Start the pipeline again: without its plan, the run cannot go on.",
            path=str(path),
        ) from error


def _path(home: Home, run_id: str) -> Path:
    return home.run_dir(run_id) / "plan.json"

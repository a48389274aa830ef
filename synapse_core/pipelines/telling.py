"""How the nodes of a pipeline appear in its log."""

from synapse_core.model.run import RunStatus
from synapse_core.pipelines.schedule import Schedule, Transition
from synapse_core.types import JSONObject

__all__ = ["NODES", "node_facts"]

NODES = "nodes"
"""Category of the pipeline's own progress: how many nodes have ended."""

_WORDS = {RunStatus.RUNNING: "started"}


def node_facts(schedule: Schedule, transition: Transition) -> JSONObject:
    """Return the data of the `step` event that tells of a node."""
    facts: JSONObject = {
        "name": transition.name,
        "transition": _WORDS.get(transition.status, transition.status.value),
        "number": schedule.number_of(transition.name),
        "total": len(schedule.states),
    }
    if transition.reason:
        key = "error" if transition.status is RunStatus.FAILED else "reason"
        facts[key] = transition.reason
    return facts

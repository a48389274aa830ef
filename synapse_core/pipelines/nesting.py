"""A pipeline as a node of another: what is known of it, told as of an action."""

import hashlib
import json
from collections.abc import Mapping

from synapse_core.model.pipeline import Node, Plan, Target
from synapse_core.model.plan_document import plan_document
from synapse_core.model.references import Reference, parse_text
from synapse_core.pipelines.drafts import ActionFacts
from synapse_core.pipelines.interface import params_example, params_schema
from synapse_core.pipelines.python_facts import accepted_params
from synapse_core.types import JSONObject

__all__ = ["facts_of_pipeline"]


def facts_of_pipeline(plan: Plan, facts: Mapping[str, ActionFacts]) -> ActionFacts:
    """Return what another pipeline must know of this one.

    Args:
        plan: The pipeline.
        facts: What is known of the actions in it, by name of the node.
    """
    schema = params_schema(plan, facts)
    single = _single_end(plan)
    return ActionFacts(
        target=Target(
            plugin=plan.plugin,
            plugin_version=plan.plugin_version,
            plugin_path=plan.plugin_path,
            action=plan.name,
            code=_digest(plan),
            accepts=accepted_params(schema),
            plan=plan,
        ),
        params=schema,
        result=_result_schema(plan, facts),
        output_kinds=facts[single.name].output_kinds if single is not None else (),
        example=params_example(plan, facts),
        timeout_s=plan.timeout_s,
    )


def _digest(plan: Plan) -> str:
    """Return what changes with the graph, or with the code of an action in it."""
    document = json.dumps(plan_document(plan), sort_keys=True)
    return hashlib.blake2b(document.encode(errors="surrogatepass"), digest_size=16).hexdigest()


def _result_schema(plan: Plan, facts: Mapping[str, ActionFacts]) -> JSONObject | None:
    """Return the JSON schema of what it returns, as far as it is known."""
    match plan.output:
        case None:
            pass
        case dict():
            return _object(plan.output)
        case str():
            parts = parse_text(plan.output)
            only = parts[0] if len(parts) == 1 else ""
            if isinstance(only, Reference) and not only.path:
                return _result_of(_node(plan, only.root), facts)
            return None
        case _:
            return None
    ends = _ends(plan)
    if len(ends) > 1:
        return _object(dict.fromkeys(node.name for node in ends))
    return _result_of(ends[0], facts)


def _result_of(node: Node | None, facts: Mapping[str, ActionFacts]) -> JSONObject | None:
    if node is None:
        return None
    if node.over is not None:
        return {"type": "array"}
    return None if node.when else facts[node.name].result


def _object(names: Mapping[str, object]) -> JSONObject:
    return {"type": "object", "properties": {name: {} for name in names}}


def _single_end(plan: Plan) -> Node | None:
    """Return the node whose result is that of the whole, if there is one."""
    ends = _ends(plan)
    is_single = plan.output is None and len(ends) == 1 and ends[0].over is None
    return ends[0] if is_single else None


def _ends(plan: Plan) -> list[Node]:
    needed = {name for node in plan.nodes for name in node.needs}
    return [node for node in plan.nodes if node.name not in needed]


def _node(plan: Plan, name: str) -> Node | None:
    return next((node for node in plan.nodes if node.name == name), None)

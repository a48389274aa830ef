"""A plan as a JSON document, and back."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, cast

from synapse_core.errors import InvalidInputError
from synapse_core.model.pipeline import FailurePolicy, Node, Plan, Target
from synapse_core.model.run import Resources, RetryPolicy
from synapse_core.types import JSONObject, JSONValue

__all__ = ["parse_plan", "plan_document"]


def plan_document(plan: Plan) -> JSONObject:
    """Return the plan as a document."""
    return asdict(plan)


def parse_plan(document: JSONValue) -> Plan:
    """Read what `plan_document` returned, with fields of later versions passed over.

    Raises:
        InvalidInputError: It is no plan.
    """
    try:
        told = _known(Plan, document)
        told["nodes"] = tuple(_parse_node(node) for node in told["nodes"])
        told["on_failure"] = FailurePolicy(told["on_failure"])
        return Plan(**told)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInputError(
            f"What was given is no plan of a pipeline: {error!r}.",
            hint="It is written when a pipeline is started; start the pipeline again.",
        ) from error


def _parse_node(document: Any) -> Node:  # noqa: ANN401 - JSON that was not looked at yet
    told = _known(Node, document)
    told["target"] = _parse_target(told["target"])
    told["undo"] = None if told.get("undo") is None else _parse_target(told["undo"])
    told["resources"] = Resources(**_known(Resources, told["resources"]))
    told["retry"] = RetryPolicy(**_known(RetryPolicy, told["retry"]))
    for name in ("needs", "when"):
        told[name] = tuple(told[name])
    return Node(**told)


def _parse_target(document: Any) -> Target:  # noqa: ANN401 - JSON that was not looked at yet
    told = _known(Target, document)
    accepts = told.get("accepts")
    told["accepts"] = None if accepts is None else tuple(accepts)
    told["plan"] = None if told.get("plan") is None else parse_plan(told["plan"])
    return Target(**told)


def _known(model: type, document: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
    if not isinstance(document, Mapping):
        raise TypeError(f"{model.__name__} is no object")
    told = cast("Mapping[str, Any]", document)
    names = {one.name for one in fields(model)}
    return {key: value for key, value in told.items() if key in names}

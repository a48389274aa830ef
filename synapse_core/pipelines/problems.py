"""What is wrong with a pipeline, told with its node and field."""

from collections.abc import Sequence
from dataclasses import asdict

from synapse_core.errors import PipelineDefinitionError
from synapse_core.model.graph_faults import Problem
from synapse_core.types import JSONValue

__all__ = ["build_error"]


def build_error(pipeline: str, problems: Sequence[Problem]) -> PipelineDefinitionError:
    """Return the error that tells the problems, at least one, the first of them in its message."""
    first = problems[0]
    more = len(problems) - 1
    rest = f" And {more} more {'problem' if more == 1 else 'problems'}." if more else ""
    listed: list[JSONValue] = [
        {**asdict(problem), "path": ".".join(filter(None, (problem.node, problem.field)))}
        for problem in problems
    ]
    return PipelineDefinitionError(
        f"The pipeline {pipeline!r} cannot run: {first}{rest}",
        hint=first.fix,
        pipeline=pipeline,
        node=first.node,
        field=first.field,
        problems=listed,
    )

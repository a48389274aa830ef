"""What is wrong with a pipeline, told with its node and field."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from synapse_core.errors import PipelineDefinitionError
from synapse_core.types import JSONValue

__all__ = ["Problem", "build_error"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that keeps a pipeline from being executed.

    Attributes:
        node: The node; empty for the pipeline as a whole.
        field: What of it; may be empty.
        message: What is wrong, with its value.
        fix: What to do.
    """

    node: str
    field: str
    message: str
    fix: str

    def __str__(self) -> str:
        place = ", ".join(
            part for part in (f"node {self.node}" if self.node else "", self.field) if part
        )
        return f"{place}: {self.message}" if place else self.message


def build_error(pipeline: str, problems: Sequence[Problem]) -> PipelineDefinitionError:
    """Return the error that tells the problems, at least one, the first of them in its message."""
    first = problems[0]
    more = len(problems) - 1
    rest = f" And {more} more {'problem' if more == 1 else 'problems'}." if more else ""
    listed: list[JSONValue] = [dict(asdict(problem)) for problem in problems]
    return PipelineDefinitionError(
        f"The pipeline {pipeline!r} cannot run: {first}{rest}",
        hint=first.fix,
        pipeline=pipeline,
        node=first.node,
        field=first.field,
        problems=listed,
    )

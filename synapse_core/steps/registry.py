"""The steps of an action, in order."""

import math
import numbers
from collections.abc import Iterator
from typing import Generic, TypeGuard, TypeVar, cast

from synapse_core.errors import StepDefinitionError, nearest
from synapse_core.model.run import RetryPolicy
from synapse_core.steps.base import BaseStep
from synapse_core.steps.context import BaseStepContext

__all__ = ["StepRegistry"]

C = TypeVar("C", bound=BaseStepContext)

MAX_NAME = 100


class StepRegistry(Generic[C]):
    """An ordered list of steps whose names differ."""

    def __init__(self) -> None:
        self._steps: dict[str, BaseStep[C]] = {}

    def register(self, step: BaseStep[C]) -> None:
        """Add a step behind the others.

        Raises:
            StepDefinitionError: Its name is taken, or the step is not well defined.
        """
        self._steps[self._new_name(step)] = step

    def unregister(self, name: str) -> None:
        """Remove a step.

        Raises:
            StepDefinitionError: There is none of this name.
        """
        self._require(name)
        del self._steps[name]

    def insert_before(self, name: str, step: BaseStep[C]) -> None:
        """Put a step in front of the one called `name`.

        Raises:
            StepDefinitionError: There is none of this name, or the new step cannot be added.
        """
        self._insert(self._require(name), step)

    def insert_after(self, name: str, step: BaseStep[C]) -> None:
        """Put a step right behind the one called `name`.

        Raises:
            StepDefinitionError: There is none of this name, or the new step cannot be added.
        """
        self._insert(self._require(name) + 1, step)

    def get_steps(self) -> list[BaseStep[C]]:
        """Return the steps in order, as a list of the caller's own."""
        return list(self._steps.values())

    @property
    def total_weight(self) -> float:
        """The sum of all weights."""
        return math.fsum(step.progress_weight for step in self._steps.values())

    def __len__(self) -> int:
        return len(self._steps)

    def __bool__(self) -> bool:
        return bool(self._steps)

    def __iter__(self) -> Iterator[BaseStep[C]]:
        return iter(self.get_steps())

    def __contains__(self, name: object) -> bool:
        return name in self._steps

    def _require(self, name: str) -> int:
        """Return the position of a known step."""
        try:
            return list(self._steps).index(name)
        except ValueError:
            listed = ", ".join(self._steps) or "none"
            raise StepDefinitionError(
                f"No step is called {name!r}.",
                hint=f"{nearest(name, self._steps)} Registered: {listed}.".strip(),
                step=name,
            ) from None

    def _insert(self, position: int, step: BaseStep[C]) -> None:
        name = self._new_name(step)
        items = list(self._steps.items())
        items.insert(position, (name, step))
        self._steps = dict(items)

    def _new_name(self, step: BaseStep[C]) -> str:
        """Return the name of a step that may be added."""
        name = _checked_name(step)
        if name in self._steps:
            raise StepDefinitionError(
                f"A step called {name!r} is already registered.",
                hint="Give one of them another name, or unregister the other first.",
                step=name,
            )
        return name


def _checked_name(step: object) -> str:
    """Return the name of a well-defined step."""
    if not isinstance(step, BaseStep):
        raise StepDefinitionError(
            f"{step!r} is not a step.",
            hint=f"Register an instance: {step.__name__}()."
            if isinstance(step, type)
            else "Register an instance of a subclass of BaseStep.",
        )
    given = cast("BaseStep[BaseStepContext]", step)
    # What the annotations promise is not what a plugin must keep.
    name = cast("object", given.name)
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise _wrong(given, "name", name, "Use a short printable text, such as 'load_data'.")
    if len(name) > MAX_NAME:
        raise _wrong(given, "name", name, f"Use {MAX_NAME} characters at most.")
    weight = cast("object", given.progress_weight)
    if not _is_number(weight) or weight < 0:
        raise _wrong(given, "progress_weight", weight, "Use a number from 0, such as 0.3.")
    timeout_s = cast("object", given.timeout_s)
    if timeout_s is not None and not (_is_number(timeout_s) and timeout_s > 0):
        raise _wrong(given, "timeout_s", timeout_s, "Use seconds above 0, or None for no limit.")
    retry = cast("object", given.retry)
    if not isinstance(retry, RetryPolicy) and not _is_count(retry):
        raise _wrong(given, "retry", retry, "Use a whole number from 0, or a RetryPolicy.")
    return name


def _is_number(value: object) -> TypeGuard[float]:
    return not isinstance(value, bool) and isinstance(value, numbers.Real) and math.isfinite(value)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _wrong(step: object, what: str, value: object, hint: str) -> StepDefinitionError:
    return StepDefinitionError(
        f"{type(step).__name__}.{what} is {value!r}, which cannot be used.", hint=hint
    )

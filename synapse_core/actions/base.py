"""Actions that are classes."""

import logging
import re
from abc import ABC
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar, cast

from pydantic import BaseModel

from synapse_core.actions.brackets import read_brackets, resolve_name
from synapse_core.actions.calls import ensure_callable
from synapse_core.actions.definition import (
    DEFINITION_ATTRIBUTE,
    ensure_category,
    ensure_data_type,
    ensure_model,
    first_paragraph,
)
from synapse_core.actions.stepping import run_steps
from synapse_core.errors import ActionDefinitionError
from synapse_core.model.plugin import PluginCategory
from synapse_core.runtime.context import MessageContext, RuntimeContext
from synapse_core.types import DataType, JSONObject

if TYPE_CHECKING:
    from synapse_core.steps import BaseStepContext, StepRegistry

__all__ = ["BaseAction"]

P = TypeVar("P", bound=BaseModel)


class BaseAction(ABC, Generic[P]):
    """A typed unit of work.

    Derive from `BaseAction[YourParams]` and write `execute`, which may be `async`. An action made
    of steps writes `setup_steps` instead; where steps are registered, `execute` is not called.
    All class attributes but the params are optional.

    Attributes:
        action_name: Its name; else that of the class, without `Action`, in snake case.
        category: What it is for; else what the plugin is for.
        input_type: What it consumes.
        output_type: What it produces.
        params_model: The model of the params; read from the brackets.
        result_model: What the result must be; a result that is not fails the run.
        params: What the action was given, validated.
        ctx: All that it may touch.
    """

    action_name: ClassVar[str | None] = None
    category: ClassVar[PluginCategory | None] = None
    input_type: ClassVar[type[DataType] | None] = None
    output_type: ClassVar[type[DataType] | None] = None
    params_model: ClassVar[type[BaseModel]]
    result_model: ClassVar[type[BaseModel] | None] = None

    _params_argument: ClassVar[object] = P
    """What stands in the brackets, as `brackets` keeps it."""

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        cls._params_argument = read_brackets(cls)
        if "params_model" in cls.__dict__:
            ensure_model(cls.params_model, cls.__qualname__, "params")
        elif not isinstance(cls._params_argument, TypeVar):
            found = resolve_name(cls._params_argument, cls)
            if found is not None:
                cls.params_model = ensure_model(found, cls.__qualname__, "params")
        if cls.result_model is not None:
            ensure_model(cls.result_model, cls.__qualname__, "result")
        ensure_category(cls.category, cls.__qualname__)
        ensure_data_type(cls.input_type, cls.__qualname__, "input")
        ensure_data_type(cls.output_type, cls.__qualname__, "output")
        setattr(cls, DEFINITION_ATTRIBUTE, _ClassDefinition(cls))

    def __init__(self, params: P, ctx: RuntimeContext) -> None:
        self.params = params
        self.ctx = ctx

    def execute(self) -> object:
        """Do the work and return the result: a model, or anything that JSON can say."""
        raise ActionDefinitionError(
            f"{type(self).__name__} has no `execute`.", hint="Add `def execute(self)`."
        )

    def setup_steps(self, registry: "StepRegistry[Any]") -> None:
        """Register the steps of an action that is made of steps, in their order.

        Args:
            registry: Where they go.
        """

    def create_context(self) -> "BaseStepContext":
        """Return what the steps share; override it to give them attributes of your own."""
        # Most actions have no steps.
        from synapse_core.steps import BaseStepContext  # noqa: PLC0415 - see above

        return BaseStepContext(self.ctx)

    def build_result(self, context: Any, counts: JSONObject) -> object:  # noqa: ANN401, ARG002 - the author's own class, for those who override it
        """Return the result of an action made of steps, when all of them have succeeded.

        Args:
            context: What `create_context` returned, as the steps have left it.
            counts: `success`, `steps_executed`, `steps_skipped`, `steps_resumed`, `steps_total`;
                the result unless this is overridden.
        """
        return counts

    @property
    def logger(self) -> logging.Logger:
        """Writes to the log of the run."""
        return self.ctx.logger

    def log(self, event: str, data: object = None, file: object = None) -> None:
        """Log a structured event."""
        self.ctx.log(event, data, file)

    def log_message(self, message: str, context: MessageContext = "info") -> None:
        """Tell the person who started the run something."""
        self.ctx.log_message(message, context)

    def set_progress(self, current: float, total: float, category: str | None = None) -> None:
        """Say how far the work of a category has come."""
        self.ctx.set_progress(current, total, category)

    def set_metrics(self, value: Mapping[str, object], category: str | None = None) -> None:
        """Record numbers worth comparing."""
        self.ctx.set_metrics(value, category)

    def autolog(self, framework: str) -> None:
        """Let a framework report progress, metrics and files of this run by itself.

        Args:
            framework: Its name, such as `ultralytics`.

        Raises:
            InvalidInputError: No such framework is known.
            MissingExtraError: It is not installed.
        """
        # Most actions use none, and looking one up may import a framework.
        from synapse_core.integrations.autolog import autolog  # noqa: PLC0415 - see above

        autolog(framework, self.ctx)


class _ClassDefinition:
    """What a subclass of `BaseAction` says of itself; implements `ActionDefinition`."""

    __slots__ = ("_has_execute", "_is_whole", "_runs_steps", "target")

    kind: Literal["class"] = "class"

    def __init__(self, target: type[BaseAction[Any]]) -> None:
        self.target = target
        base = BaseAction[Any]
        self._has_execute = target.execute is not base.execute
        self._runs_steps = target.setup_steps is not base.setup_steps
        self._is_whole = False

    @property
    def name(self) -> str:
        return self.target.action_name or _name_after(self.target)

    @property
    def description(self) -> str:
        return first_paragraph(self.target.__doc__)

    @property
    def category(self) -> PluginCategory | None:
        return ensure_category(self.target.category, self.target.__qualname__)

    @property
    def input_type(self) -> type[DataType] | None:
        return self.target.input_type

    @property
    def output_type(self) -> type[DataType] | None:
        return self.target.output_type

    @property
    def params_model(self) -> type[BaseModel]:
        try:
            return self.target.params_model
        except AttributeError:
            return self._resolve_params()

    @property
    def result_model(self) -> type[BaseModel] | None:
        return self.target.result_model

    def check(self) -> None:
        if self._is_whole:  # loading and describing ask one after the other
            return
        owner = self.target.__qualname__
        missing = ", ".join(sorted(self.target.__abstractmethods__))
        if missing:
            raise ActionDefinitionError(
                f"{owner} is abstract: it lacks {missing}.", hint="Write what is missing."
            )
        if not self._runs_steps and not self._has_execute:
            raise ActionDefinitionError(
                f"{owner} has neither `execute` nor `setup_steps`, so it cannot do anything.",
                hint="Add `def execute(self)`.",
            )
        ensure_callable(self.target, cast("type[BaseAction[Any]]", BaseAction))
        _ = self.params_model
        self._is_whole = True

    def execute(self, params: BaseModel, context: RuntimeContext) -> object:
        action = self.target(params, context)
        return run_steps(action) if self._runs_steps else action.execute()

    def _resolve_params(self) -> type[BaseModel]:
        """Return the params of a class that named them before they were defined."""
        owner = self.target.__qualname__
        found = resolve_name(read_brackets(self.target), self.target)
        if found is None or isinstance(found, TypeVar):
            raise ActionDefinitionError(
                f"{owner} does not say what its params are.",
                hint="Derive it from BaseAction[YourParams], with YourParams a pydantic.BaseModel.",
            )
        self.target.params_model = ensure_model(found, owner, "params")
        return self.target.params_model


def _name_after(cls: type) -> str:
    short = cls.__name__.removesuffix("Action") or cls.__name__
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", short).lower()

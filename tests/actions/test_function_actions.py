"""Actions that are functions."""

import functools
import re
from collections.abc import Callable, Sequence
from datetime import date
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from synapse_core import PluginCategory, RuntimeContext, action
from synapse_core.actions.definition import definition_of
from synapse_core.actions.schema import describe_schema
from synapse_core.errors import ActionDefinitionError, ParamsError, ResultError
from synapse_core.testing import run_action

if TYPE_CHECKING:
    from decimal import Decimal


class ConvertParams(BaseModel):
    path: Path
    quality: int = 90


class ConvertResult(BaseModel):
    path: Path


class Size(Enum):
    SMALL = "small"
    LARGE = "large"


def test_a_function_takes_params_and_context() -> None:
    @action(name="convert", params=ConvertParams, result=ConvertResult)
    def convert(params: ConvertParams, context: RuntimeContext) -> ConvertResult:
        context.log_message(f"Quality {params.quality}")
        return ConvertResult(path=params.path.with_suffix(".png"))

    done = run_action(convert, {"path": "/a/b.jpg"})

    assert done.result == {"path": "/a/b.png"}
    assert done.messages == ["Quality 90"]


def test_the_model_may_be_read_from_the_annotation_of_params() -> None:
    @action
    def convert(context: RuntimeContext, params: ConvertParams) -> str:
        return f"{params.quality} {context.job_id}"

    assert definition_of(convert).params_model is ConvertParams
    assert run_action(convert, {"path": "x"}).result == "90 test"


def test_a_function_with_a_model_may_do_without_context_and_a_context_without_params() -> None:
    @action(params=ConvertParams)
    def quality(params: ConvertParams) -> int:
        return params.quality

    @action
    def who(ctx: RuntimeContext) -> str:
        return ctx.job_id

    @action()
    def nothing() -> None: ...

    assert run_action(quality, {"path": "x"}).result == 90
    assert run_action(who, {}).result == "test"
    assert run_action(nothing, None).result is None


def test_a_plain_signature_is_the_params() -> None:
    @action
    def mix(
        ctx: RuntimeContext,
        count: Annotated[int, Field(ge=1, description="How many")],
        names: Sequence[str] = ("a", "b"),
        *,
        folder: Path = Path("/data"),
        size: Size = Size.SMALL,
        mode: Literal["fast", "good"] = "fast",
        day: date | None = None,
        scale: float = Field(default=1.5, gt=0),
    ) -> dict[str, object]:
        return {
            "count": count,
            "names": list(names),
            "folder": folder,
            "size": size,
            "mode": mode,
            "day": day,
            "scale": scale,
            "job": ctx.job_id,
        }

    done = run_action(mix, {"count": "3", "day": "2026-01-31", "size": "large"})

    assert done.result == {
        "count": 3,
        "names": ["a", "b"],
        "folder": "/data",
        "size": "large",
        "mode": "fast",
        "day": "2026-01-31",
        "scale": 1.5,
        "job": "test",
    }
    with pytest.raises(ParamsError) as caught:
        run_action(mix, {"count": 0, "scale": 0, "size": "huge"})
    assert [problem["path"] for problem in problems_of(caught.value)] == ["count", "size", "scale"]


def problems_of(error: ParamsError) -> list[dict[str, Any]]:
    found: Any = error.data["problems"]
    return found


def test_the_context_may_stand_anywhere() -> None:
    @action
    def last(a: int, b: int, context: RuntimeContext) -> str:
        return f"{a}{b}{context.job_id}"

    @action
    def middle(a: int, anything: "RuntimeContext | None", b: int) -> str:
        assert anything is not None
        return f"{a}{b}{anything.job_id}"

    @action
    def untyped(a: int, b: int, ctx) -> str:  # noqa: ANN001 # pyright: ignore - authors do that
        return f"{a}{b}{ctx.job_id}"  # pyright: ignore[reportUnknownMemberType] - as above

    functions: list[Callable[..., str]] = [last, middle, untyped]
    for function in functions:
        assert run_action(function, {"a": 1, "b": 2}).result == "12test"


def test_a_param_that_is_called_context_but_is_text_is_a_param() -> None:
    @action
    def translate(text: str, context: str = "none") -> str:
        return f"{text} in {context}"

    assert run_action(translate, {"text": "bank", "context": "river"}).result == "bank in river"


def test_positional_only_parameters_are_filled() -> None:
    @action
    def power(base: int, context: RuntimeContext, exponent: int, /, *, name: str = "x") -> str:
        return f"{name}{base**exponent}{context.job_id}"

    assert run_action(power, {"base": 2, "exponent": 5}).result == "x32test"


@pytest.mark.parametrize("name", ["json", "copy", "schema", "model_config", "model_fields", "_x"])
def test_a_param_may_have_a_name_that_models_use_themselves(name: str) -> None:
    namespace: dict[str, Any] = {"action": action}
    source = f"@action\ndef act({name}: int, other: int = 1) -> int:\n    return {name} + other"
    exec(source, namespace)  # noqa: S102 - the name is the point

    assert run_action(namespace["act"], {name: 3}).result == 4
    with pytest.raises(ParamsError, match=name):
        run_action(namespace["act"], {name: "x"})


def test_names_that_begin_with_model_warn_nobody() -> None:
    @action
    def load(model_path: str, model_name: str = "yolo") -> str:
        return f"{model_path}/{model_name}"

    assert run_action(load, {"model_path": "m"}).result == "m/yolo"


def test_the_function_stays_callable_as_it_was() -> None:
    @action(name="add", description="Add them.")
    def add(a: int, b: int = 1) -> int:
        """Not the description."""
        return a + b

    assert add(2) == 3
    assert add.__name__ == "add"
    assert definition_of(add).description == "Add them."


def test_the_decorator_says_what_the_function_is() -> None:
    @action("named", category="export")
    def act() -> None:
        """Do it."""

    told = definition_of(act)

    assert (told.name, told.description) == ("named", "Do it.")
    assert (told.kind, told.category) == ("function", PluginCategory.EXPORT)


def test_a_decorator_of_the_authors_own_may_stand_between() -> None:
    def logged(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*args: Any, **options: Any) -> Any:  # noqa: ANN401 - any function
            return f"<{function(*args, **options)}>"

        return call

    @action
    @logged
    def greet(name: str, context: RuntimeContext) -> str:
        return f"{name} {context.job_id}"

    assert run_action(greet, {"name": "Ada"}).result == "<Ada test>"


def test_an_asynchronous_function_is_awaited() -> None:
    @action
    async def act(a: int) -> int:
        return a + 1

    assert run_action(act, {"a": 1}).result == 2


def test_a_wrong_result_fails() -> None:
    @action(result=ConvertResult)
    def act() -> object:
        return {"file": "x"}

    with pytest.raises(ResultError, match="path: is required"):
        run_action(act, {})


def test_a_type_that_is_defined_later_is_found_when_it_is_needed() -> None:
    assert run_action(uses_what_follows, {"one": {"number": 4}}).result == 4


@action
def uses_what_follows(one: "Following") -> int:
    return one.number


class Following(BaseModel):
    number: int


def test_a_type_for_checkers_only_is_told_when_it_is_needed() -> None:
    @action
    def act(price: "Decimal") -> str:
        return str(price)

    with pytest.raises(
        ActionDefinitionError, match=r"'price'.*has the type 'Decimal', which cannot"
    ):
        run_action(act, {"price": "1"})


def refuse(source: str) -> ActionDefinitionError:
    names: dict[str, Any] = {"action": action, "P": ConvertParams, "RuntimeContext": RuntimeContext}
    with pytest.raises(ActionDefinitionError) as caught:
        exec(source, names)  # noqa: S102 - functions that no checker would let pass
    return caught.value


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("@action\ndef act(a, context): ...", "'a' of the action act has no type"),
        ("@action\ndef act(a: int, *rest: int): ...", r"'rest' .* takes anything \(`\*rest`\)"),
        ("@action\ndef act(**options): ...", r"'options' .* takes anything \(`\*\*options`\)"),
        ("@action(params=P)\ndef act(params, context, more): ...", "'more' .* is not given"),
        ("@action(params=P)\ndef act(a: int, b: int, ctx): ...", "'b' of the action act is not"),
        ("@action(params=dict)\ndef act(params): ...", "params model of act is dict"),
        ("@action(result=dict)\ndef act(): ...", "result model of act is dict"),
        ("@action(category='none')\ndef act(): ...", "does not exist"),
        ("@action(input_type='yolo')\ndef act(): ...", "input_type of act is 'yolo'"),
        ("@action(output_type=dict)\ndef act(): ...", "output_type of act is dict"),
        ("@action\ndef act():\n    yield 1", "has a yield"),
        ("@action\nasync def act():\n    yield 1", "has a yield"),
        ("@action\nclass Act: ...", "above the class Act"),
        ("@action\ndef act(a: 'int +'): ...", "cannot be read"),
        ("import functools\naction(functools.partial(print))", "a value of type partial"),
        ("import threading\n@action\ndef act(a: threading.Thread): ...", "cannot be described"),
    ],
)
def test_a_function_that_cannot_be_an_action_is_refused_where_it_is_defined(
    source: str, told: str
) -> None:
    error = refuse(source)

    assert re.search(told, error.message), error.message
    assert error.hint


def test_a_function_without_the_decorator_is_no_action() -> None:
    def plain() -> None: ...

    with pytest.raises(ActionDefinitionError, match=r"The function .*plain is no action"):
        run_action(plain, {})


def test_the_schema_of_a_plain_signature_is_that_of_a_model() -> None:
    @action
    def act(
        count: Annotated[int, Field(ge=1, description="How many")], size: Size = Size.LARGE
    ) -> None:
        """Do it."""

    schema = describe_schema(act)

    assert schema.params["required"] == ["count"]
    assert schema.params["additionalProperties"] is False
    assert schema.example == {"count": 1, "size": "large"}

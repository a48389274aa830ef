"""Looks at actions that are classes."""

import ast
from collections.abc import Iterator

from synapse_core.checks.models import check_model, is_model, say
from synapse_core.checks.params import find_params
from synapse_core.checks.results import Promise, check_result, own_nodes
from synapse_core.checks.steps import check_steps, registers_nothing
from synapse_core.checks.subject import ActionCode, in_source
from synapse_core.discovery.sources import Source
from synapse_core.discovery.symbols import Symbols, find_constant
from synapse_core.model.plugin import Diagnostic, Severity

__all__ = ["check_class"]

_OWN_API = frozenset(
    {"params", "ctx", "logger", "log", "set_progress", "set_metrics", "autolog", "log_message"}
)
"""What BaseAction gives to an action; an attribute of the same name would hide it."""


def check_class(symbols: Symbols, code: ActionCode) -> Iterator[Diagnostic]:
    """Yield what is wrong with a class that is an action."""
    if not isinstance(code.node, ast.ClassDef):
        return
    yield from _check_params(symbols, code)
    execute = _find_method(code, "execute")
    if execute is None:
        yield from _check_missing(code)
    else:
        yield from _check_execute(*execute)
        promise = _find_promise(symbols, code)
        if promise is not None:
            yield from check_result(symbols, promise, *execute)
    yield from _check_setup(symbols, code)
    yield from _check_init(code)
    yield from _check_attributes(code)


def _check_params(symbols: Symbols, code: ActionCode) -> Iterator[Diagnostic]:
    found = find_params(symbols, code)
    if found is None:
        if code.base.endswith(".BaseAction"):
            yield in_source(
                code.source,
                code.node,
                "params-missing",
                f"{code.node.name} does not say what its params are.",
                "Derive it from BaseAction[YourParams], with YourParams a pydantic.BaseModel.",
            )
        return
    source, expression = found
    symbol = symbols.resolve(source, expression)
    if symbol is not None and is_model(symbols, symbol) is False:
        yield in_source(
            source,
            expression,
            "params-not-a-model",
            f"The params of {code.node.name} are {say(symbol)}, which is no pydantic model.",
            f"Make `class {code.node.name.removesuffix('Action')}Params(BaseModel)` with a field "
            "for each param, and name it there.",
        )
    elif symbol is not None:
        yield from check_model(symbols, symbol)


def _check_setup(symbols: Symbols, code: ActionCode) -> Iterator[Diagnostic]:
    found = _find_method(code, "setup_steps")
    source, setup = found or (code.source, None)
    if not isinstance(setup, ast.FunctionDef):
        return
    yield from check_steps(symbols, code, source, setup)
    is_plain = code.base.endswith(".BaseAction")
    if is_plain and registers_nothing(setup) and not _binds(code, "execute"):
        yield in_source(
            source,
            setup,
            "execute-missing",
            f"{code.node.name} registers no steps and has no `execute`.",
            "Register steps with `registry.register(…)`, or add `def execute(self)`.",
        )


def _check_missing(code: ActionCode) -> Iterator[Diagnostic]:
    if code.base.endswith(".BaseAction") and not _binds(code, "execute", "setup_steps"):
        yield in_source(
            code.source,
            code.node,
            "execute-missing",
            f"{code.node.name} has neither `execute` nor `setup_steps`, so it cannot do anything.",
            "Add `def execute(self)`.",
        )


def _check_init(code: ActionCode) -> Iterator[Diagnostic]:
    """Yield an `__init__` after which the action has neither params nor context."""
    found = _find_method(code, "__init__")
    if found is None:
        return
    source, made = found
    words = {node.id for node in ast.walk(made) if isinstance(node, ast.Name)}
    attributes = {node.attr for node in ast.walk(made) if isinstance(node, ast.Attribute)}
    if "super" not in words and "__init__" not in attributes and not {"params", "ctx"} & attributes:
        yield in_source(
            source,
            made,
            "init-without-super",
            f"{code.node.name}.__init__ hides the one that keeps params and context.",
            "Call `super().__init__(params, ctx)` in it.",
        )


def _binds(code: ActionCode, *names: str) -> bool:
    """Whether the class or one of its bases has one of the names, if only by an assignment."""
    return any(_bound_name(statement) in names for _, node in code.chain for statement in node.body)


def _find_method(
    code: ActionCode, name: str
) -> tuple[Source, ast.FunctionDef | ast.AsyncFunctionDef] | None:
    for source, node in code.chain:
        for statement in reversed(node.body):
            match statement:
                case ast.FunctionDef() | ast.AsyncFunctionDef() if statement.name == name:
                    return source, statement
                case _:
                    pass
    return None


def _check_execute(
    source: Source, execute: ast.FunctionDef | ast.AsyncFunctionDef
) -> Iterator[Diagnostic]:
    arguments = execute.args
    positional = [*arguments.posonlyargs, *arguments.args]
    required = len(positional) - len(arguments.defaults)
    keywords = sum(default is None for default in arguments.kw_defaults)
    decorators = {ast.unparse(one) for one in execute.decorator_list}
    is_static = "staticmethod" in decorators
    if decorators & {"property", "staticmethod", "classmethod"}:
        yield in_source(
            source,
            execute,
            "execute-signature",
            f"`execute` is a {'static method' if is_static else 'property or class method'}.",
            "Make it a plain method: `def execute(self)`.",
        )
    elif (not positional and arguments.vararg is None) or required > 1 or keywords:
        names = [one.arg for one in positional[1:required]]
        names += [
            one.arg
            for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
            if default is None
        ]
        what = f"asks for {', '.join(names)}" if names else "takes no self"
        yield in_source(
            source,
            execute,
            "execute-signature",
            f"`execute` {what}, but it is called without arguments.",
            "Write `def execute(self)`; the params are in self.params, the context in self.ctx.",
        )
    elif any(isinstance(node, ast.Yield | ast.YieldFrom) for node in own_nodes(execute)):
        yield in_source(
            source,
            execute,
            "execute-yields",
            "`execute` has a yield, so calling it runs nothing and returns a generator.",
            "Return the result; report what comes in between with self.log or self.set_metrics.",
        )


def _find_promise(symbols: Symbols, code: ActionCode) -> Promise | None:
    for source, node in code.chain:
        value = find_constant(node.body, "result_model")
        if value is not None and ast.unparse(value) != "None":
            return Promise(symbols.resolve(source, value), value, source)
    return None


def _check_attributes(code: ActionCode) -> Iterator[Diagnostic]:
    declared = code.action.spec.name
    for source, node in code.chain[:1]:
        for statement in node.body:
            name = _bound_name(statement)
            if name in _OWN_API:
                yield in_source(
                    source,
                    statement,
                    "shadowed-api",
                    f"{node.name}.{name} hides what BaseAction calls {name!r}.",
                    "Give it another name.",
                    severity=Severity.ERROR if name in {"params", "ctx"} else Severity.WARNING,
                )
        stated = find_constant(node.body, "action_name")
        if isinstance(stated, ast.Constant) and stated.value != declared:
            yield in_source(
                source,
                stated,
                "name-mismatch",
                f"{node.name} calls itself {stated.value!r}, config.yaml says {declared!r}.",
                "Use one name in both places; config.yaml decides.",
                severity=Severity.WARNING,
            )


def _bound_name(statement: ast.stmt) -> str:
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return name
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name
        case _:
            return ""

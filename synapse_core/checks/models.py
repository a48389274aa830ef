"""Looks at the models of params and results."""

import ast
from collections.abc import Iterator

from synapse_core.checks.subject import in_source
from synapse_core.discovery.sources import Source
from synapse_core.discovery.symbols import Symbol, Symbols
from synapse_core.model.plugin import Diagnostic, Severity

__all__ = ["check_model", "is_model", "say"]

_MODELS = frozenset({"pydantic.BaseModel", "pydantic.RootModel", "pydantic.main.BaseModel"})
_MOST_BASES = 20

_TAKEN = frozenset(
    """
    construct copy dict from_orm json parse_file parse_obj parse_raw schema schema_json
    update_forward_refs validate
    """.split()  # noqa: SIM905 a list of words is easier to read than a list of strings
)
"""Attributes that every model has; pydantic warns when a field hides one."""

_FIELD_MAKERS = frozenset({"pydantic.Field", "pydantic.fields.Field"})


def is_model(symbols: Symbols, symbol: Symbol | None) -> bool | None:
    """Whether the name stands for a pydantic model; None when that cannot be known."""
    hops = 0
    waiting = [symbol]
    answer: bool | None = False
    while waiting and hops < _MOST_BASES:
        hops += 1
        one = waiting.pop()
        if one is None:
            answer = None
        elif one.name in _MODELS:
            return True
        elif isinstance(one.node, ast.ClassDef) and one.source is not None:
            waiting += [symbols.resolve(one.source, base) for base in one.node.bases]
            if one.node.decorator_list:  # such as pydantic's own dataclass
                answer = None
        elif one.node is not None:
            # A function is no model; what an assignment makes is not known.
            answer = answer if isinstance(one.node, ast.FunctionDef) else None
        elif not one.name.startswith(("builtins.", "typing.", "collections.", "abc.", "enum.")):
            answer = None
    return answer


def say(symbol: Symbol) -> str:
    """Return the name as people know it."""
    return symbol.name.removeprefix("builtins.").rpartition(".")[2]


def check_model(symbols: Symbols, symbol: Symbol) -> Iterator[Diagnostic]:
    """Yield what is wrong with the fields of a model that the plugin defines."""
    if not isinstance(symbol.node, ast.ClassDef) or symbol.source is None:
        return
    for statement in symbol.node.body:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name)) if name in _TAKEN:
                yield in_source(
                    symbol.source,
                    statement,
                    "shadowed-field",
                    f"The field {name!r} hides an attribute that every model has.",
                    f"Call it {name}_, with alias={name!r} if callers shall write {name!r}.",
                    severity=Severity.WARNING,
                )
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                if _is_field(symbols, symbol.source, name, value):
                    yield in_source(
                        symbol.source,
                        statement,
                        "field-without-type",
                        f"The field {name!r} of {symbol.node.name} has no type.",
                        f"Write `{name}: TYPE = {ast.unparse(value)}`.",
                    )
            case _:
                pass


def _is_field(symbols: Symbols, source: Source, name: str, value: ast.expr) -> bool:
    """Whether pydantic would take the assignment for a field that lacks its type."""
    if name.startswith("_") or name == "model_config":
        return False
    if isinstance(value, ast.Call):
        called = symbols.resolve(source, value.func)
        return called is not None and called.name in _FIELD_MAKERS
    return isinstance(value, ast.Constant | ast.List | ast.Dict | ast.Set | ast.Tuple)

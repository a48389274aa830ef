"""Says what is wrong with a manifest, where, and how it is mended."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from synapse_core.config.yaml_text import Place, YamlPath
from synapse_core.errors import InvalidInputError, nearest
from synapse_core.model.plugin import Diagnostic
from synapse_core.plugins.fields import FieldFault, shown
from synapse_core.plugins.layout import MANIFEST
from synapse_core.plugins.manifest import ActionEntry, Manifest
from synapse_core.plugins.pipeline_entries import find_pipeline_faults
from synapse_core.plugins.shapes import find_model

if TYPE_CHECKING:  # pydantic has it in no public module
    from pydantic_core import ErrorDetails

__all__ = ["diagnose_pipelines", "diagnose_text", "diagnose_values"]

_START = Place(1, 1)
_KINDS = {
    "string_type": "text",
    "list_type": "a list, with `- ` before each item",
    "dict_type": "a mapping of names to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
    "int_type": "a whole number",
    "float_type": "a number",
}


def diagnose_text(faults: Sequence[InvalidInputError], text: str) -> list[Diagnostic]:
    """Return what is wrong with the text as YAML."""
    lines = text.splitlines() if faults else []
    return [_from_fault(fault, lines) for fault in faults]


def diagnose_values(
    errors: Sequence["ErrorDetails"], places: Mapping[YamlPath, Place], folder_name: str
) -> list[Diagnostic]:
    """Return what is wrong with the values.

    Args:
        errors: What pydantic found.
        places: Where each value stands.
        folder_name: What the plugin's folder is called.
    """
    return [_from_details(details, places, folder_name) for details in errors]


def diagnose_pipelines(manifest: Manifest, places: Mapping[YamlPath, Place]) -> list[Diagnostic]:
    """Return what is wrong with the graphs of pipelines whose values are right one by one."""
    found: list[Diagnostic] = []
    for fault in find_pipeline_faults(manifest.pipelines, manifest.actions):
        path: YamlPath = ("pipelines", *fault.path)
        place = _nearest_place(path, places)
        found.append(
            Diagnostic(
                code="invalid-pipeline",
                message=fault.message,
                file=MANIFEST,
                line=place.line,
                column=place.column,
                key=".".join(str(step) for step in path),
                fix=fault.fix,
            )
        )
    return found


def _nearest_place(path: YamlPath, places: Mapping[YamlPath, Place]) -> Place:
    """Return where a value stands, or else what it is missing in."""
    return next((places[path[:n]] for n in range(len(path), -1, -1) if path[:n] in places), _START)


def _from_fault(fault: InvalidInputError, lines: Sequence[str]) -> Diagnostic:
    what = str(fault.data.get("what", fault.message))
    key = str(fault.data.get("key", ""))
    line = int(str(fault.data.get("line", 1)))
    content = lines[line - 1] if line <= len(lines) else ""
    is_tab = not key and content.lstrip(" ").startswith("\t")
    return Diagnostic(
        code="duplicate-key" if key else "yaml",
        message=f"The text {what}.",
        file=MANIFEST,
        line=line,
        column=int(str(fault.data.get("column", 1))),
        key=key,
        fix="Indent with spaces: YAML allows no tabs there." if is_tab else fault.hint,
    )


def _from_details(
    details: "ErrorDetails", places: Mapping[YamlPath, Place], folder_name: str
) -> Diagnostic:
    path: YamlPath = tuple(step for step in details["loc"] if step != "[key]")
    place = _nearest_place(path, places)
    describe = _DESCRIBE.get(details["type"], _describe_value)
    code, message, fix = describe(details, path, folder_name)
    return Diagnostic(
        code=code,
        message=message,
        file=MANIFEST,
        line=place.line,
        column=place.column,
        key=".".join(str(step) for step in path),
        fix=fix,
    )


_Said = tuple[str, str, str]


def _describe_missing(_details: "ErrorDetails", path: YamlPath, folder_name: str) -> _Said:
    key = str(path[-1])
    example = folder_name if key == "code" else folder_name.replace("_", " ").capitalize()
    return "missing-key", f"The key `{key}` is missing.", f"Add a line such as `{key}: {example}`."


def _describe_unknown(_details: "ErrorDetails", path: YamlPath, _folder_name: str) -> _Said:
    key = str(path[-1])
    model = find_model(Manifest, path[:-1]) or Manifest
    known = list(model.model_fields)
    where = f" below `{'.'.join(map(str, path[:-1]))}`" if path[:-1] else ""
    return (
        "unknown-key",
        f"There is no key {shown(key)}{where}.",
        _find_home(key, model) or nearest(key, known) or f"Keys there: {', '.join(known)}.",
    )


def _find_home(key: str, model: type[BaseModel]) -> str:
    """Return where a key belongs that stands in the wrong place."""
    if model is not Manifest and key in Manifest.model_fields:
        return "It belongs at the top of the file, not indented."
    if model is not ActionEntry and key in ActionEntry.model_fields:
        return "It belongs below an action: `actions:`, then the action's name, then this."
    return ""


def _describe_kind(details: "ErrorDetails", path: YamlPath, _folder_name: str) -> _Said:
    expected = _KINDS[details["type"]]
    given = _name_kind(details["input"])
    subject = f"`{path[-1]}`" if path else "The file"
    return "wrong-type", f"{subject} is {given}.", f"Make it {expected}."


def _describe_choice(details: "ErrorDetails", path: YamlPath, _folder_name: str) -> _Said:
    known = _read_choices(details)
    given = details["input"]
    guess = nearest(given, known) if isinstance(given, str) else ""
    return (
        "wrong-value",
        f"`{_last_key(path)}` is {shown(given)}, which is not among what it can be.",
        f"{guess} Allowed: {', '.join(known)}.".strip(),
    )


def _read_choices(details: "ErrorDetails") -> list[str]:
    expected = str(details.get("ctx", {}).get("expected", ""))
    return [part.strip("' ") for part in expected.replace(" or ", ", ").split(",")]


def _describe_fault(details: "ErrorDetails", path: YamlPath, folder_name: str) -> _Said:
    fault: Any = details.get("ctx", {}).get("error")
    if not isinstance(fault, FieldFault):
        return _describe_value(details, path, folder_name)
    subject = f"`{_last_key(path)}`"
    return "wrong-value", f"{subject} {fault.message}.", fault.fix


def _describe_value(details: "ErrorDetails", path: YamlPath, _folder_name: str) -> _Said:
    message = details["msg"].removeprefix("Input ").removeprefix("Value ")
    return (
        "wrong-value",
        f"`{_last_key(path)}` is {shown(details['input'])}, but {message}.",
        "Correct the value.",
    )


def _last_key(path: YamlPath) -> str:
    """Return the last key of a path in which the position in a list means nothing to people."""
    return next((step for step in reversed(path) if isinstance(step, str)), "config.yaml")


def _name_kind(value: object) -> str:
    match value:
        case None:
            return "empty"
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case str():
            return f"the text {shown(value)}"
        case _:
            return f"{shown(value)}"


def _each_kind() -> Iterator[tuple[str, Callable[["ErrorDetails", YamlPath, str], _Said]]]:
    yield "missing", _describe_missing
    yield "extra_forbidden", _describe_unknown
    yield "enum", _describe_choice
    yield "literal_error", _describe_choice
    yield "value_error", _describe_fault
    for kind in _KINDS:
        yield kind, _describe_kind


_DESCRIBE = dict(_each_kind())

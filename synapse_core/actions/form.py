"""Makes a form that asks for the params of an action, as a list of FormKit nodes."""

from synapse_core.actions.json_schema import FORM_KEY
from synapse_core.types import JSONObject, JSONValue

__all__ = ["build_form"]

_LONG_TEXT = 200
"""Text that may be longer gets more than one line."""

_MAX_DEPTH = 6

_TEXT_INPUTS = {
    "date": "date",
    "date-time": "datetime-local",
    "time": "time",
    "email": "email",
    "uri": "url",
    "password": "password",
    "color": "color",
}


def build_form(schema: JSONObject) -> list[JSONValue]:
    """Return a node for each param, in the order of the schema.

    `formkit` in `json_schema_extra` of a field changes its node: an object gives keys of the node,
    a string the kind of input.

    Args:
        schema: The JSON schema of the params, as pydantic writes it.
    """
    definitions = _mapping(schema.get("$defs"))
    return [*_nodes(schema, definitions, 0)]


def _nodes(schema: JSONObject, definitions: JSONObject, depth: int) -> list[JSONValue]:
    required = schema.get("required")
    names = required if isinstance(required, list) else []
    return [
        _node(name, _mapping(one), definitions, depth, is_required=name in names)
        for name, one in _mapping(schema.get("properties")).items()
    ]


def _node(
    name: str, field: JSONObject, definitions: JSONObject, depth: int, *, is_required: bool
) -> JSONObject:
    schema = _resolve(field, definitions)
    node: JSONObject = {"$formkit": "text", "name": name}
    node["label"] = schema.get("title") or name.replace("_", " ").capitalize()
    if schema.get("default") is not None:
        node["value"] = schema["default"]
    examples = schema.get("examples")
    if isinstance(examples, list) and examples:
        node["placeholder"] = str(examples[0])
    if schema.get("description"):
        node["help"] = schema["description"]
    if is_required:
        node["required"] = True
    node.update(_input(schema, definitions, depth))
    wanted = schema.get(FORM_KEY)
    if isinstance(wanted, str):
        node["$formkit"] = wanted
    elif isinstance(wanted, dict):
        node.update(wanted)
    return node


def _input(schema: JSONObject, definitions: JSONObject, depth: int) -> JSONObject:
    """Return the kind of input and what belongs to it."""
    options = schema.get("enum")
    if isinstance(options, list):
        return {"$formkit": "select", "options": _options(options)}
    made: JSONObject
    match schema.get("type"):
        case "boolean":
            made = {"$formkit": "checkbox"}
        case "integer":
            made = {"$formkit": "number", "number": "integer", "step": 1, **_bounds(schema, 1)}
        case "number":
            made = {"$formkit": "number", "number": "float", "step": "any", **_bounds(schema, 0)}
        case "array":
            made = _list_input(schema, definitions, depth)
        case "object" if schema.get("properties") and depth < _MAX_DEPTH:
            made = {"$formkit": "group", "children": _nodes(schema, definitions, depth + 1)}
        case "string":
            made = _text_input(schema)
        case _:
            made = {"$formkit": "textarea"}
    return made


def _text_input(schema: JSONObject) -> JSONObject:
    longest = schema.get("maxLength")
    if isinstance(longest, int) and longest > _LONG_TEXT:
        return {"$formkit": "textarea"}
    return {"$formkit": _TEXT_INPUTS.get(str(schema.get("format")), "text")}


def _list_input(schema: JSONObject, definitions: JSONObject, depth: int) -> JSONObject:
    item = _resolve(_mapping(schema.get("items")), definitions)
    options = item.get("enum")
    if isinstance(options, list):
        return {"$formkit": "select", "multiple": True, "options": _options(options)}
    if depth >= _MAX_DEPTH or not item:
        return {"$formkit": "textarea"}
    return {"$formkit": "list", "dynamic": True, "children": [_input(item, definitions, depth + 1)]}


def _options(values: list[JSONValue]) -> list[JSONValue]:
    return [{"label": str(value).replace("_", " "), "value": value} for value in values]


def _bounds(schema: JSONObject, step: int) -> JSONObject:
    """Return bounds and step; a bound that is itself excluded moves by one where that is exact."""
    found: JSONObject = {}
    for key, bound, inwards in (
        ("min", "minimum", 0),
        ("min", "exclusiveMinimum", step),
        ("max", "maximum", 0),
        ("max", "exclusiveMaximum", -step),
    ):
        value = schema.get(bound)
        if isinstance(value, int | float):
            found[key] = value + inwards
    if schema.get("multipleOf") is not None:
        found["step"] = schema["multipleOf"]
    return found


def _resolve(schema: JSONObject, definitions: JSONObject) -> JSONObject:
    """Return the schema with references followed, and of choices the first that is not null."""
    for _ in range(_MAX_DEPTH):
        choices = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
        if "$ref" in schema:
            inner = _mapping(definitions.get(str(schema["$ref"]).rpartition("/")[2]))
        elif isinstance(choices, list):
            real = [_mapping(one) for one in choices if _mapping(one).get("type") != "null"]
            inner = real[0] if real else {}
        else:
            break
        taken = {"$ref", "anyOf", "oneOf", "allOf"}
        schema = {**inner, **{key: one for key, one in schema.items() if key not in taken}}
    if "const" in schema:
        schema = {**schema, "enum": [schema["const"]]}
    return schema


def _mapping(value: JSONValue) -> JSONObject:
    return value if isinstance(value, dict) else {}

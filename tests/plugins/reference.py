"""Writes docs/config-reference.md from the model of the manifest.

After a change of the model: python -m tests.plugins.reference
"""

import json
from collections.abc import Iterator
from enum import Enum
from inspect import get_annotations
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, JsonValue
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from synapse_core.plugins import fields, pipeline_entries
from synapse_core.plugins.manifest import ActionEntry, Manifest, ResourcesEntry, RetriesEntry
from synapse_core.plugins.manifest_parts import BatchEntry, ServeEntry
from synapse_core.plugins.pipeline_entries import NodeEntry, PipelineEntry

PAGE = Path(__file__).parents[2] / "docs" / "config-reference.md"

HEAD = """\
# config.yaml

A folder with this file is a plugin. It says what the plugin is called and which actions it offers;
actions that stand in the source but not here are offered too. This page is written from the model
that reads the file (`python -m tests.plugins.reference`).

```yaml
# my_plugin/config.yaml
name: My plugin
code: my_plugin
version: 0.1.0
category: custom
description: Counts words.

actions:
  count:
    name: Count words
    description: Count the words of a text.
    entrypoint: my_plugin.count:count
    method: task
    timeout: 10m
    retries: {retries: 2, backoff: 5s}
    resources: {cpus: 1, memory: 512M}
```

- What is wrong is told with line, column, key and the nearest known key, all of it at once:
  `synapse plugin check my_plugin`, or `plugin_check` for an agent.
- A key that does not exist is an error, and so is a key that stands there twice.
- A number where text belongs is taken as it is written: version `1.10` is no `1.1`.
- A key with nothing behind it counts as left out.
- The file is plain YAML of at most 1 MiB. Tags such as `!!python/…` are refused, and so is a link
  in the place of the file.
"""

SECTIONS: dict[str, tuple[type[BaseModel], str]] = {
    "The plugin": (Manifest, "Keys at the top of the file."),
    "An action": (ActionEntry, "Keys below `actions.<name>`; the key is the action's name."),
    "Resources of an action": (ResourcesEntry, "Keys below `actions.<name>.resources`."),
    "Retries of an action": (
        RetriesEntry,
        "Keys below `actions.<name>.retries`. A plain number there means `retries` of these.",
    ),
    "Serving an action": (
        ServeEntry,
        "Keys below `actions.<name>.serve`; [Serving](serving.md) tells how they are used.",
    ),
    "Batches of requests": (
        BatchEntry,
        "Keys below `actions.<name>.serve.batch`. A plain number there means `size` of these.",
    ),
    "A pipeline": (
        PipelineEntry,
        "Keys below `pipelines.<name>`; [Pipelines](pipelines.md) tells how they are used.",
    ),
    "A node of a pipeline": (NodeEntry, "Keys below `pipelines.<name>.nodes.<name>`."),
}

KINDS: dict[object, str] = {
    fields.Name: "name",
    fields.Line: "line of text",
    fields.FilledLine: "line of text",
    fields.Text: "text",
    fields.Entrypoint: "`module:attribute`",
    fields.InnerPath: "path in the plugin",
    fields.VariableName: "name",
    fields.ResourceName: "name",
    fields.TaskName: "`data.task`",
    fields.Seconds: "time",
    fields.Megabytes: "size",
    fields.Amount: "number",
    str: "text",
    bool: "`true` or `false`",
    int: "whole number",
    float: "number",
    JsonValue: "anything",
    ActionEntry: "[action](#an-action)",
    ResourcesEntry: "[resources](#resources-of-an-action)",
    pipeline_entries.ActionName: "`plugin/action`",
    PipelineEntry: "[pipeline](#a-pipeline)",
    NodeEntry: "[node](#a-node-of-a-pipeline)",
    ServeEntry: "[serving](#serving-an-action)",
    BatchEntry: "number or [batch](#batches-of-requests)",
    RetriesEntry: "number or [retries](#retries-of-an-action)",
}


def render_page() -> str:
    """Return the page as it should be."""
    return "\n".join([HEAD, *_sections()]).rstrip() + "\n"


def _sections() -> Iterator[str]:
    for title, (model, words) in SECTIONS.items():
        yield f"## {title}\n\n{words}\n"
        yield "| key | what it is | default | meaning |\n|---|---|---|---|"
        hints = get_annotations(model)  # pydantic itself keeps only the bare types
        for name, field in model.model_fields.items():
            kind = _kind(hints[name])
            yield f"| `{name}` | {kind} | {_default(field)} | {_meaning(field)} |"
        yield ""


def _kind(annotation: object) -> str:
    if annotation in KINDS:
        return KINDS[annotation]
    arguments = get_args(annotation)
    match get_origin(annotation) or annotation:
        case origin if origin is Annotated:
            words = _kind(arguments[0])
        case origin if origin is Union or origin is UnionType:
            words = _kind(next(each for each in arguments if each is not type(None)))
        case origin if origin is Literal:
            words = ", ".join(f"`{each}`" for each in arguments)
        case origin if origin is list:
            words = f"list of: {_kind(arguments[0])}"
        case origin if origin is dict:
            words = f"mapping of name to {_kind(arguments[1])}"
        case type() as choices if issubclass(choices, Enum):
            words = ", ".join(f"`{each.value}`" for each in choices)
        case _:
            raise LookupError(f"the reference has no words for {annotation}")
    return words


def _default(field: FieldInfo) -> str:
    default: Any = field.default
    if default is PydanticUndefined:
        return "required"
    if default is None or default in ("", [], {}) or isinstance(default, BaseModel):
        return ""
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{default.value if isinstance(default, Enum) else default}`"


def _meaning(field: FieldInfo) -> str:
    words = str(field.description)
    shown = [each if isinstance(each, str) else json.dumps(each) for each in field.examples or ()]
    examples = f" Example: {', '.join(f'`{each}`' for each in shown)}." if shown else ""
    return f"{words}{examples}".replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(render_page(), encoding="utf-8")

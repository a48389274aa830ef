"""What each category's template makes, and the files of a new plugin."""

import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import PurePosixPath
from typing import TypeAlias

from synapse_core.errors import InvalidInputError
from synapse_core.model.plugin import PluginCategory
from synapse_core.scaffold.names import build_class_name, build_function_name, build_title
from synapse_core.scaffold.templating import TEMPLATES, render

__all__ = ["Blueprint", "FileTree", "PluginPlan", "build_plugin_files", "load_blueprint"]

FileTree: TypeAlias = dict[PurePosixPath, bytes]
"""Content of files by their path below a plugin's folder."""

_ALWAYS = {
    "package.py.j2": "{code}/__init__.py",
    "README.md.j2": "README.md",
    "pyproject.toml.j2": "pyproject.toml",
    "gitignore.j2": ".gitignore",
    "synapseignore.j2": ".synapseignore",
    "config.yaml.j2": "config.yaml",
}
"""Where the templates that all categories share are written to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """What a template says of itself in its `template.toml`.

    Attributes:
        description: What the plugin does, in a sentence.
        action: Name of its action, unless another one is asked for.
        action_title: The action's name for people.
        action_description: What the action does, in a sentence.
        attribute: What the entrypoint names, with `{class_name}` or `{function_name}`.
        usage: Arguments of `synapse plugin run` worth showing.
        outputs: What the action leaves, in Markdown.
        params: What each param means.
        modules: What each further module holds.
        samples: What each file below `samples/` is.
    """

    description: str
    action: str
    action_title: str
    action_description: str
    attribute: str
    usage: list[str]
    outputs: str
    params: dict[str, str]
    modules: dict[str, str] = field(default_factory=dict[str, str])
    samples: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginPlan:
    """A new plugin, its names checked before.

    Attributes:
        code: Its code; folder and package get this name.
        category: Whose template to use.
        action: Name of its action; empty for the template's own.
        title: Name for people; empty for the code in words.
        description: What it does; empty for the template's own sentence.
    """

    code: str
    category: PluginCategory
    action: str = ""
    title: str = ""
    description: str = ""


@cache
def load_blueprint(category: PluginCategory) -> Blueprint:
    """Return what the category's template says of itself."""
    text = (TEMPLATES / category / "template.toml").read_text(encoding="utf-8")
    return Blueprint(**tomllib.loads(text))


def build_plugin_files(plan: PluginPlan) -> FileTree:
    """Return the files of a new plugin; `config.yaml`, which makes it one, is the last.

    Raises:
        InvalidInputError: The action would take the place of another module of the template.
    """
    blueprint = load_blueprint(plan.category)
    values = _build_values(plan, blueprint)
    action = str(values["action"])
    if action in {*blueprint.modules, plan.code}:
        raise InvalidInputError(
            f"The action cannot be called {action!r}: a module of this plugin has that name.",
            hint=f"Use for example 'run_{action}', or leave it out for {blueprint.action!r}.",
            name=action,
            suggestion=f"run_{action}",
        )
    files = {
        f"{plan.code}/{action}.py": f"{plan.category}/action.py.j2",
        **{f"{plan.code}/{name}.py": f"{plan.category}/{name}.py.j2" for name in blueprint.modules},
        f"tests/test_{action}.py": f"{plan.category}/test_action.py.j2",
        **{target.format(code=plan.code): f"plugin/{name}" for name, target in _ALWAYS.items()},
    }
    samples = TEMPLATES / plan.category / "samples"
    return {
        **{
            PurePosixPath("samples", name): (samples / name).read_bytes()
            for name in blueprint.samples
        },
        **{PurePosixPath(path): render(name, values).encode() for path, name in files.items()},
    }


def _build_values(plan: PluginPlan, blueprint: Blueprint) -> dict[str, object]:
    action = plan.action or blueprint.action
    names = {"class_name": build_class_name(action), "function_name": build_function_name(action)}
    return {
        "code": plan.code,
        "category": plan.category.value,
        "title": plan.title or build_title(plan.code),
        "description": plan.description or blueprint.description,
        "action": action,
        "action_title": build_title(action) if plan.action else blueprint.action_title,
        "action_description": blueprint.action_description,
        "attribute": blueprint.attribute.format_map(names),
        "usage": blueprint.usage,
        "outputs": blueprint.outputs.strip(),
        "params": blueprint.params,
        "modules": blueprint.modules,
        "samples": blueprint.samples,
        **names,
    }

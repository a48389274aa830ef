"""Looks into one plugin from Python: what it offers, and the classes behind it."""

import importlib
import os
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml
from pydantic import BaseModel

from synapse_core.actions.definition import Action, definition_of
from synapse_core.actions.form import build_form
from synapse_core.actions.json_schema import result_json_schema
from synapse_core.actions.loading import load_action
from synapse_core.actions.schema import describe_schema
from synapse_core.discovery.from_ast import scan_source
from synapse_core.discovery.from_config import describe_plugin
from synapse_core.discovery.from_imports import find_actions_in
from synapse_core.errors import ActionLoadError, ActionNotFoundError
from synapse_core.model.plugin import (
    ActionMethod,
    ActionSchema,
    ActionSpec,
    Plugin,
    PluginCategory,
)
from synapse_core.plugins.files import find_files
from synapse_core.plugins.layout import find_prefix
from synapse_core.plugins.names import derive_title
from synapse_core.types import JSONObject, JSONValue

__all__ = ["PluginDiscovery"]


class PluginDiscovery:
    """A plugin as Python code sees it.

    Listing actions and their configuration imports nothing of the plugin. What needs its code (the
    class, its models, its schemas) imports it into this process, where it stays. A server that
    must survive its plugins uses the operations instead.

    Args:
        plugin: The plugin.
        loaded: Actions that are imported already, by name.
    """

    def __init__(self, plugin: Plugin, loaded: dict[str, Action] | None = None) -> None:
        self.plugin = plugin
        self._loaded = dict(loaded or {})

    @classmethod
    def from_path(cls, path: str | os.PathLike[str]) -> "PluginDiscovery":
        """Read the plugin in a folder, by its `config.yaml` and its source.

        Raises:
            ManifestError: There is no `config.yaml`, or it cannot be used.
            StorageError: The folder cannot be read.
        """
        folder = Path(path).expanduser().resolve()
        files = find_files(folder) if folder.is_dir() else []
        return cls(describe_plugin(folder, files))

    @classmethod
    def from_module(
        cls,
        module: ModuleType | str,
        name: str | None = None,
        category: PluginCategory | str = PluginCategory.CUSTOM,
    ) -> "PluginDiscovery":
        """Take the actions that a module defines; what it imports from others is not its own.

        Args:
            module: An imported module, or the name of one that can be.
            name: Code and name of the plugin; else those of the module.
            category: What actions are for that do not say so.
        """
        imported = importlib.import_module(module) if isinstance(module, str) else module
        code = name or imported.__name__.rpartition(".")[2]
        kind = PluginCategory(category)
        actions: dict[str, ActionSpec] = {}
        loaded: dict[str, Action] = {}
        for entrypoint, action in find_actions_in(imported):
            spec = _describe(action, entrypoint, kind)
            actions.setdefault(spec.name, spec)
            loaded.setdefault(spec.name, action)
        file = getattr(imported, "__file__", None)
        plugin = Plugin(
            code=code,
            name=derive_title(code),
            version="0.1.0",
            path=Path(file).parent if file else Path.cwd(),
            category=kind,
            actions=actions,
        )
        return cls(plugin, loaded)

    @staticmethod
    def discover_actions(path: str | os.PathLike[str]) -> dict[str, ActionSpec]:
        """Return the actions in the source of a folder by name, without importing any of it.

        Raises:
            OSError: The folder cannot be read.
        """
        folder = Path(path).expanduser().resolve()
        found: dict[str, ActionSpec] = {}
        for spec in scan_source(folder, find_files(folder), find_prefix(folder)):
            found.setdefault(spec.name, spec)
        return found

    def list_actions(self) -> list[str]:
        """Return the names of its actions, declared ones first."""
        return list(self.plugin.actions)

    def has_action(self, name: str) -> bool:
        """Whether it has an action of this name."""
        return name in self.plugin.actions

    def get_action_config(self, name: str) -> JSONObject:
        """Return what `config.yaml` says of an action, or would say.

        Raises:
            ActionNotFoundError: There is no such action.
        """
        spec = self._spec(name)
        config: JSONObject = {
            "name": spec.title,
            "description": spec.description,
            **({"entrypoint": spec.entrypoint} if spec.entrypoint else {}),
            "method": spec.method.value,
        }
        needs = spec.resources
        amounts: JSONObject = {
            "cpus": needs.cpus,
            "gpus": needs.gpus,
            "memory": needs.memory_mb,
            "custom": dict[str, JSONValue](needs.custom) or None,
        }
        more: JSONObject = {
            "input_type": spec.input_type,
            "output_type": spec.output_type,
            "resources": {key: value for key, value in amounts.items() if value is not None}
            or None,
            "timeout": spec.timeout_s,
            "retries": spec.retry.retries or None,
        }
        return {**config, **{key: value for key, value in more.items() if value is not None}}

    def get_action_method(self, name: str) -> ActionMethod:
        """Return how an action wants to be placed.

        Raises:
            ActionNotFoundError: There is no such action.
        """
        return self._spec(name).method

    def get_action_entrypoint(self, name: str) -> str:
        """Return where an action is, as `module:attribute`.

        Raises:
            ActionNotFoundError: There is no such action.
        """
        return self._spec(name).entrypoint

    def get_action_class(self, name: str) -> Action:
        """Return the class of an action, or the function that it is.

        Raises:
            ActionLoadError: It cannot be imported, or is no action.
            ActionNotFoundError: There is no such action.
        """
        spec = self._spec(name)
        if name not in self._loaded:
            if not spec.entrypoint:
                raise ActionLoadError(
                    f"Nothing tells where the action {name!r} of {self.plugin.code} is.",
                    hint=f"Add `entrypoint: module:attribute` below `actions.{name}`.",
                )
            self._loaded[name] = load_action(self.plugin.path, spec.entrypoint)
        return self._loaded[name]

    def get_action_params_model(self, name: str) -> type[BaseModel]:
        """Return the model of an action's params; raises as `get_action_class` does."""
        return definition_of(self.get_action_class(name)).params_model

    def get_action_result_model(self, name: str) -> type[BaseModel] | None:
        """Return the model of an action's result; raises as `get_action_class` does."""
        return definition_of(self.get_action_class(name)).result_model

    def get_action_schema(self, name: str) -> ActionSchema:
        """Return JSON schemas, form and example of an action; raises as `get_action_class` does."""
        return describe_schema(self.get_action_class(name))

    def get_action_ui_schema(self, name: str) -> list[JSONValue]:
        """Return FormKit nodes that ask for the params; raises as `get_action_class` does."""
        return self.get_action_schema(name).form

    def get_action_result_ui_schema(self, name: str) -> list[JSONValue]:
        """Return FormKit nodes for the result; raises as `get_action_class` does."""
        model = self.get_action_result_model(name)
        return build_form(result_json_schema(model)) if model is not None else []

    def get_action_input_type(self, name: str) -> str | None:
        """Return the semantic type that an action consumes; raises as `get_action_class` does."""
        stated = self._spec(name).input_type
        return stated or _name_type(definition_of(self.get_action_class(name)).input_type)

    def get_action_output_type(self, name: str) -> str | None:
        """Return the semantic type that an action produces; raises as `get_action_class` does."""
        stated = self._spec(name).output_type
        return stated or _name_type(definition_of(self.get_action_class(name)).output_type)

    def to_config_dict(self, *, include_ui_schemas: bool = False) -> dict[str, Any]:
        """Return what a `config.yaml` of the plugin says.

        Args:
            include_ui_schemas: Add to each action the form that asks for its params, as
                `params_schema`. That imports all of them.
        """
        plugin = self.plugin
        actions = {name: self.get_action_config(name) for name in plugin.actions}
        if include_ui_schemas:
            for name, config in actions.items():
                config["params_schema"] = {"form": self.get_action_ui_schema(name)}
        head = {
            "name": plugin.name,
            "code": plugin.code,
            "version": plugin.version,
            "category": plugin.category.value,
            "description": plugin.description,
        }
        return {**head, **plugin.manifest, "actions": actions}

    def to_yaml(self) -> str:
        """Return `to_config_dict` as the text of a `config.yaml`."""
        return yaml.safe_dump(self.to_config_dict(), sort_keys=False, allow_unicode=True)

    def _spec(self, name: str) -> ActionSpec:
        spec = self.plugin.actions.get(name)
        if spec is None:
            raise ActionNotFoundError(self.plugin.code, name, self.plugin.actions)
        return spec


def _describe(action: Action, entrypoint: str, category: PluginCategory) -> ActionSpec:
    definition = definition_of(action)
    return ActionSpec(
        name=definition.name,
        entrypoint=entrypoint,
        title=derive_title(definition.name),
        description=definition.description,
        category=definition.category or category,
        input_type=_name_type(definition.input_type),
        output_type=_name_type(definition.output_type),
        kind=definition.kind,
    )


def _name_type(data_type: type | None) -> str | None:
    return data_type.__name__ if data_type is not None else None

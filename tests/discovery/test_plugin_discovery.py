"""A plugin as Python code sees it."""

import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from synapse_core import BaseAction, PluginDiscovery
from synapse_core.actions.loading import isolated_modules
from synapse_core.errors import ActionLoadError, ActionNotFoundError, ManifestError
from synapse_core.model.plugin import ActionMethod, PluginCategory
from synapse_core.plugins.parsing import parse_manifest
from synapse_core.types import ModelWeights, YOLODataset
from tests.discovery.trees import HEAD, make_plugin, write

SOURCE = f"""{HEAD}
from synapse_core.types import YOLODataset


class Params(BaseModel):
    size: int = 3


class Result(BaseModel):
    total: int


class CountAction(BaseAction[Params]):
    \"\"\"Count them.\"\"\"

    input_type = YOLODataset
    result_model = Result

    def execute(self) -> Result:
        return Result(total=self.params.size)


@action(description="Says hello.")
def greet(name: str) -> str:
    return name
"""
MORE = """\
version: 1.10
category: export
env: {A: "1"}
actions:
  count:
    name: Count
    method: job
    output_type: ModelWeights
    timeout: 10m
    retries: 2
    resources: {cpus: 2, memory: 1G, custom: {fpga: 1}}
  lost:
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    made = make_plugin(tmp_path / "plugin", "shop", MORE, run=SOURCE)
    with isolated_modules(made):
        yield made


def test_actions_and_their_configuration_are_read_without_an_import(folder: Path) -> None:
    before = set(sys.modules)
    found = PluginDiscovery.from_path(folder)

    assert found.list_actions() == ["count", "lost", "greet"]
    assert found.has_action("greet")
    assert not found.has_action("gone")
    assert found.get_action_method("count") is ActionMethod.JOB
    assert found.get_action_entrypoint("count") == "run:CountAction"
    assert found.get_action_config("count") == {
        "name": "Count",
        "description": "Count them.",
        "entrypoint": "run:CountAction",
        "method": "job",
        "input_type": "YOLODataset",
        "output_type": "ModelWeights",
        "resources": {"cpus": 2.0, "memory": 1024, "custom": {"fpga": 1.0}},
        "timeout": 600.0,
        "retries": 2,
    }
    assert "run" not in set(sys.modules) - before


def test_the_class_and_what_it_says_are_there_when_asked_for(folder: Path) -> None:
    found = PluginDiscovery.from_path(folder)
    count = found.get_action_class("count")

    assert isinstance(count, type)
    assert issubclass(count, BaseAction)
    assert found.get_action_class("count") is count
    assert list(found.get_action_params_model("count").model_fields) == ["size"]
    assert found.get_action_schema("count").example == {"size": 3}
    assert "'name': 'size'" in str(found.get_action_ui_schema("count"))
    assert "'name': 'total'" in str(found.get_action_result_ui_schema("count"))
    assert found.get_action_result_model("greet") is None
    assert found.get_action_result_ui_schema("greet") == []
    assert found.get_action_input_type("count") == YOLODataset.__name__
    assert found.get_action_output_type("count") == ModelWeights.__name__
    assert found.get_action_output_type("greet") is None


def test_what_is_not_there_is_said(folder: Path, tmp_path: Path) -> None:
    found = PluginDiscovery.from_path(folder)

    with pytest.raises(ActionNotFoundError, match="Did you mean 'count'"):
        found.get_action_config("cuont")
    with pytest.raises(ActionLoadError, match="lost"):
        found.get_action_class("lost")
    with pytest.raises(ManifestError):
        PluginDiscovery.from_path(tmp_path / "gone")


def test_its_configuration_can_be_written_and_read_again(folder: Path) -> None:
    found = PluginDiscovery.from_path(folder)

    again = parse_manifest(found.to_yaml(), folder)

    assert again.version == "1.10"
    assert again.env == {"A": "1"}
    assert list(again.actions) == found.list_actions()
    assert again.actions["count"].timeout == 600
    assert again.actions["greet"].entrypoint == "run:greet"
    assert yaml.safe_load(found.to_yaml()) == found.to_config_dict()


def test_forms_can_be_part_of_it(tmp_path: Path) -> None:
    folder = make_plugin(tmp_path / "plugin", "shop", run=SOURCE)
    with isolated_modules(folder):
        config = PluginDiscovery.from_path(folder).to_config_dict(include_ui_schemas=True)

    assert "size" in str(config["actions"]["count"]["params_schema"])


def test_a_module_offers_what_it_defines_itself() -> None:
    class Params(BaseModel):
        size: int = 1

    class Imported(BaseAction[Params]):
        def execute(self) -> int:
            return 1

    module = types.ModuleType("my.tools")
    code = compile(SOURCE, "tools.py", "exec")
    exec(code, module.__dict__)  # noqa: S102 the module is ours
    module.__dict__["Imported"] = Imported

    found = PluginDiscovery.from_module(module, category="upload")

    assert found.list_actions() == ["count", "greet"]
    assert found.plugin.code == "tools"
    assert found.plugin.category is PluginCategory.UPLOAD
    assert found.get_action_class("greet") is module.__dict__["greet"]
    assert found.get_action_entrypoint("count") == "my.tools:CountAction"


def test_a_module_is_found_by_its_name(tmp_path: Path) -> None:
    write(tmp_path, {"shop_tools.py": SOURCE})
    with isolated_modules(tmp_path):
        sys.path.insert(0, str(tmp_path))
        found = PluginDiscovery.from_module("shop_tools", name="shop")

    assert found.plugin.code == "shop"
    assert found.list_actions() == ["count", "greet"]


def test_a_folder_without_a_manifest_still_has_actions(tmp_path: Path) -> None:
    write(tmp_path, {"run.py": SOURCE})

    found = PluginDiscovery.discover_actions(tmp_path)

    assert {name: spec.entrypoint for name, spec in found.items()} == {
        "count": "run:CountAction",
        "greet": "run:greet",
    }

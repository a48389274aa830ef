"""Plugins are searched, actions described, and params checked before anything starts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from textwrap import dedent

import pytest

from synapse_core.errors import (
    ActionLoadError,
    ActionNotFoundError,
    CursorError,
    ParamsError,
    PathRefusedError,
    PluginNotFoundError,
)
from synapse_core.model.plugin import Plugin, PluginCategory
from synapse_core.operations.plugins import (
    describe_action,
    find_plugin,
    locate_plugin,
    search_plugins,
    validate_params,
)
from synapse_core.ports import Inspector
from synapse_core.types import JSONObject
from synapse_core.workspace import Workspace, open_workspace

SOURCE = '''
from pydantic import BaseModel, Field
from synapse_core import BaseAction, action
from synapse_core.types import YOLODataset


class TrainParams(BaseModel):
    epochs: int = Field(default=3, ge=1, le=10)
    optimizer: str = Field(default="sgd", pattern="^(sgd|adam)$")


class TrainAction(BaseAction[TrainParams]):
    """Train a model."""

    input_type = YOLODataset

    def execute(self) -> dict:
        return {}


@action(description="Says hello.")
def greet(name: str) -> str:
    return name
'''


@dataclass
class CountingInspector:
    """Passes on to the real one, and remembers what was asked."""

    inner: Inspector
    asked: list[dict[str, str]] = field(default_factory=list[dict[str, str]])

    def inspect(
        self, path: Path, entrypoints: Mapping[str, str], *, timeout_s: float
    ) -> JSONObject:
        self.asked.append(dict(entrypoints))
        return self.inner.inspect(path, entrypoints, timeout_s=timeout_s)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


@pytest.fixture
def workspace(home: Path, root: Path) -> Iterator[Workspace]:
    with open_workspace(home, [root]) as opened:
        yield replace(opened, inspector=CountingInspector(opened.inspector))


def asked(workspace: Workspace) -> list[dict[str, str]]:
    assert isinstance(workspace.inspector, CountingInspector)
    return workspace.inspector.asked


def make(root: Path, code: str, source: str = "", more: str = "") -> Path:
    folder = root / code
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(f"name: {code}\ncode: {code}\n{more}", encoding="utf-8")
    (folder / "run.py").write_text(dedent(source), encoding="utf-8")
    return folder


def find(workspace: Workspace, query: str, category: PluginCategory | None = None) -> list[str]:
    return [plugin.code for plugin in search_plugins(workspace, query, category=category).items]


# --- search -------------------------------------------------------------------------------------


@pytest.fixture
def library(root: Path) -> None:
    make(root, "audio", more="description: Cuts sounds.\nactions: {image: {name: Picture}}\n")
    make(root, "image", more="description: Looks at pictures.\ncategory: export\n")
    make(root, "image_tools", more="description: Crops an image.\n")
    make(
        root, "video", more="description: Image after image.\nactions: {cut: {category: upload}}\n"
    )
    make(root, "words", SOURCE)


@pytest.mark.usefixtures("library")
def test_all_plugins_are_listed_by_code(workspace: Workspace) -> None:
    assert find(workspace, "") == ["audio", "image", "image_tools", "video", "words"]


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("image", ["image", "image_tools", "audio", "video"]),
        ("IMAGE crops", ["image_tools", "image", "audio", "video"]),
        ("sounds", ["audio"]),
        ("train", ["words"]),
        ("hello", ["words"]),
        ("picture", ["audio", "image"]),
        ("nothing", []),
    ],
)
def test_words_rank_by_how_many_match_and_where(
    workspace: Workspace, query: str, expected: list[str]
) -> None:
    assert find(workspace, query) == expected


def test_pipelines_are_found_by_name_and_description(workspace: Workspace, root: Path) -> None:
    told = "pipelines: {survey: {description: Counts birds., chain: [greet]}}\n"
    make(root, "marsh", "def greet(): ...", "actions: {greet: {}}\n" + told)

    assert find(workspace, "survey") == find(workspace, "birds") == ["marsh"]


@pytest.mark.usefixtures("library")
def test_a_category_is_that_of_the_plugin_or_of_an_action(workspace: Workspace) -> None:
    assert find(workspace, "", category=PluginCategory.EXPORT) == ["image"]
    assert find(workspace, "", category=PluginCategory.UPLOAD) == ["video"]


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("query", ["", "image"])
def test_pages_neither_repeat_nor_lose_a_plugin(
    workspace: Workspace, root: Path, query: str
) -> None:
    whole = find(workspace, query)
    first = search_plugins(workspace, query, limit=2)
    make(root, "aaa_image", more="description: New.\n")  # comes while somebody is reading
    found = [plugin.code for plugin in first.items]
    cursor = first.next_cursor
    while cursor is not None:
        page = search_plugins(workspace, query, limit=2, cursor=cursor)
        found += [plugin.code for plugin in page.items]
        cursor = page.next_cursor

    assert [code for code in found if code != "aaa_image"] == whole


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("cursor", ["", "x", "💥", "bm8", "W10", "WzEsMl0", "x" * 5000])
def test_a_cursor_of_nobody_is_refused(workspace: Workspace, cursor: str) -> None:
    with pytest.raises(CursorError):
        search_plugins(workspace, cursor=cursor)


@pytest.mark.usefixtures("library")
def test_a_cursor_of_another_search_is_refused(workspace: Workspace) -> None:
    cursor = search_plugins(workspace, "image", limit=1).next_cursor

    with pytest.raises(CursorError):
        search_plugins(workspace, "other", cursor=cursor)


# --- find ---------------------------------------------------------------------------------------


def test_a_plugin_is_found_by_code_and_by_path(workspace: Workspace, root: Path) -> None:
    folder = make(root, "shop")

    for reference in ("shop", "./shop", str(folder)):
        assert find_plugin(workspace, reference).path == folder
        assert locate_plugin(workspace, reference) == folder
    assert locate_plugin(workspace, folder) == folder
    with pytest.raises(PluginNotFoundError):
        find_plugin(workspace, "shops")
    with pytest.raises(PathRefusedError):
        locate_plugin(workspace, root.parent)


# --- describe -----------------------------------------------------------------------------------


@pytest.fixture
def trainer(root: Path, workspace: Workspace) -> Plugin:
    make(root, "trainer", SOURCE)
    return find_plugin(workspace, "trainer")


def test_an_action_is_described_with_what_only_an_import_tells(
    workspace: Workspace, trainer: Plugin
) -> None:
    described = describe_action(workspace, trainer, "train")

    assert described.plugin is trainer
    assert described.spec.entrypoint == "run:TrainAction"
    assert (described.spec.description, described.spec.input_type) == (
        "Train a model.",
        "YOLODataset",
    )
    assert described.schema.example == {"epochs": 3, "optimizer": "sgd"}
    assert described.schema.params["title"] == "TrainParams"
    assert [str(node) for node in described.schema.form if "'name': 'epochs'" in str(node)]


def test_an_action_is_imported_once_until_the_plugin_changes(
    workspace: Workspace, trainer: Plugin, home: Path, root: Path
) -> None:
    first = describe_action(workspace, trainer, "train")
    described = [describe_action(workspace, trainer, "train") for _ in range(3)]
    describe_action(workspace, trainer, "greet")  # stands in the same module
    with open_workspace(home, [root]) as other:
        elsewhere = replace(other, inspector=workspace.inspector)
        described.append(describe_action(elsewhere, find_plugin(other, "trainer"), "train"))
    # Less than a tick after it was written, the stamp of a file may change once by itself.
    assert len(asked(workspace)) <= 2
    assert all(each.schema == first.schema for each in described)

    (trainer.path / "run.py").write_text(SOURCE.replace("le=10", "le=99"))
    changed = describe_action(workspace, find_plugin(workspace, "trainer"), "train")

    assert "99" in str(changed.schema.params)


def test_an_unknown_action_is_answered_with_the_nearest(
    workspace: Workspace, trainer: Plugin
) -> None:
    with pytest.raises(ActionNotFoundError, match="Did you mean 'train'"):
        describe_action(workspace, trainer, "trian")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import no_such_library\nclass TrainAction: ...", "no_such_library"),
        ("import sys\nsys.exit(3)", "exit"),
        ("import os\nos._exit(3)", "3"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
        ("class TrainAction: ...", "no action"),
        ("x = 1", "TrainAction"),
        ("def x(:", "invalid syntax"),
    ],
)
def test_an_action_that_cannot_be_loaded_says_why_and_is_tried_again(
    workspace: Workspace, root: Path, source: str, words: str
) -> None:
    make(root, "broken", source, "actions: {train: {entrypoint: run:TrainAction}}\n")
    plugin = find_plugin(workspace, "broken")

    for _ in range(2):
        with pytest.raises(ActionLoadError, match=words) as caught:
            describe_action(workspace, plugin, "train")
        assert caught.value.hint
    assert len(asked(workspace)) == 2


def test_a_declared_action_that_is_nowhere_says_so(workspace: Workspace, root: Path) -> None:
    make(root, "lost", more="actions: {train: }\n")

    with pytest.raises(ActionLoadError, match="does not say where"):
        describe_action(workspace, find_plugin(workspace, "lost"), "train")


# --- params -------------------------------------------------------------------------------------


def test_params_are_checked_against_the_schema_of_the_action(
    workspace: Workspace, trainer: Plugin
) -> None:
    schema = describe_action(workspace, trainer, "train").schema
    validate_params(schema, {"epochs": "5"})

    with pytest.raises(ParamsError) as caught:
        validate_params(schema, {"epochs": 99, "optimzer": "adam"})

    assert caught.value.message == "2 params do not fit: epochs, optimzer."
    assert caught.value.data == {
        "problems": [
            {
                "path": "epochs",
                "message": "should be less than or equal to 10",
                "allowed": "integer, >= 1, <= 10",
                "given": 99,
            },
            {
                "path": "optimzer",
                "message": "there is no such param. Did you mean 'optimizer'?",
                "allowed": ["epochs", "optimizer"],
                "given": "adam",
            },
        ],
        "example": {"epochs": 3, "optimizer": "adam"},
    }

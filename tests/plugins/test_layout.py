"""Where a plugin's modules are imported from, and which files are its own."""

import os
from pathlib import Path

import pytest

from synapse_core.plugins.files import find_files
from synapse_core.plugins.layout import find_import_roots, find_prefix, split_entrypoint
from synapse_core.plugins.names import derive_action_name, derive_title


def write(folder: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


INNER = {"config.yaml": "entrypoint: shop.run:Run", "shop/run.py": "", "shop/__init__.py": ""}
TOP = {"config.yaml": "entrypoint: actions:Run", "actions.py": "import json"}
ITSELF = {"config.yaml": "entrypoint: shop.run:Run", "run.py": "from shop.params import P"}


@pytest.mark.parametrize(
    ("files", "entrypoints", "prefix", "roots"),
    [
        (INNER, ["shop.run:Run"], "", 1),
        (TOP, ["actions:Run"], "", 1),
        (TOP, [], "", 1),
        (ITSELF, ["shop.run:Run"], "shop", 2),
        (ITSELF, [], "shop", 2),
        ({"run.py": "from shop.params import P"}, [], "shop", 2),
        ({"run.py": "import shopping"}, [], "", 1),
        ({"run.py": "", "__init__.py": ""}, [], "shop", 2),
        ({"run.py": "", "tests/test_run.py": "import shop.run"}, [], "shop", 2),
        ({"run.py": "import shop", "shop.py": ""}, [], "", 1),
    ],
)
def test_the_layout_is_read_from_what_the_files_say(
    tmp_path: Path, files: dict[str, str], entrypoints: list[str], prefix: str, roots: int
) -> None:
    folder = write(tmp_path / "shop", files)

    assert find_prefix(folder, entrypoints) == prefix
    assert find_import_roots(folder) == (folder, tmp_path)[:roots]


def test_a_folder_that_no_import_can_name_is_no_package(tmp_path: Path) -> None:
    folder = write(tmp_path / "my-shop", {"run.py": "", "__init__.py": ""})

    assert find_prefix(folder) == ""
    assert find_import_roots(folder) == (folder,)


def test_an_entrypoint_has_two_forms() -> None:
    assert split_entrypoint("a.b:C") == split_entrypoint("a.b.C") == ("a.b", "C")
    assert split_entrypoint("C") == ("", "C")


@pytest.mark.parametrize(
    ("attribute", "name"),
    [
        ("TrainAction", "train"),
        ("TrainModelAction", "train_model"),
        ("HTTPServer", "http_server"),
        ("Action", "action"),
        ("train", "train"),
        ("Export2", "export2"),
    ],
)
def test_an_action_is_called_after_its_class(attribute: str, name: str) -> None:
    assert derive_action_name(attribute) == name


def test_a_title_is_the_name_in_words() -> None:
    assert derive_title("train_big-model") == "Train big model"


def test_source_and_requirements_belong_to_a_plugin_but_tests_and_environments_do_not(
    tmp_path: Path,
) -> None:
    kept = ["a.py", "config.yaml", "pkg/b.py", "pyproject.toml", "requirements.txt"]
    others = [
        "test_a.py", "tests/c.py", "pkg/d_test.py", ".git/e.py", ".hidden.py", "venv/f.py",
        "node_modules/g.py", "build/h.py", "__pycache__/i.py", "data.csv", "pkg/config.yaml",
        "own/pyvenv.cfg", "own/lib/j.py", "conftest.py", "pkg/requirements.txt",
    ]  # fmt: skip
    write(tmp_path, dict.fromkeys([*kept, *others], ""))

    assert [file.path for file in find_files(tmp_path)] == kept


def test_links_are_followed_to_files_inside_only(tmp_path: Path) -> None:
    folder = write(tmp_path / "plugin", {"real.py": "", "pkg/inner.py": ""})
    write(tmp_path / "outside", {"secret.py": ""})
    (folder / "inside.py").symlink_to("real.py")
    (folder / "outside.py").symlink_to("../outside/secret.py")
    (folder / "broken.py").symlink_to("nowhere.py")
    (folder / "loop.py").symlink_to("loop.py")
    (folder / "linked").symlink_to("pkg")
    (folder / "up").symlink_to("..")

    assert [file.path for file in find_files(folder)] == ["inside.py", "pkg/inner.py", "real.py"]


def test_a_pipe_among_the_files_is_not_waited_for(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "import other"})
    os.mkfifo(tmp_path / "pipe.py")

    assert find_prefix(tmp_path) == ""

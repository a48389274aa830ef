"""Whether a plugin needs an environment, and which."""

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

from synapse_core.dependencies.base import runtime_versions
from synapse_core.dependencies.need import find_needed
from synapse_core.dependencies.recipe import Recipe, make_recipe
from synapse_core.dependencies.requirement_files import normalise_name
from synapse_core.dependencies.wanted import read_wanted
from synapse_core.errors import DependencyError
from tests.dependencies.conftest import Bench
from tests.dependencies.wheels import make_wheel


def recipe_of(plugin: Path) -> Recipe:
    recipe = make_recipe(read_wanted(plugin))
    assert recipe is not None
    return recipe


@pytest.mark.parametrize(
    "requirements",
    [
        "",
        "# nothing but words\n",
        "pydantic>=2\nPyYAML\n",
        f"pydantic=={importlib.metadata.version('pydantic')}\n",
        "synapse-mcp\n",
        "no-such-library; python_version < '3'\n",
    ],
)
def test_what_is_there_already_needs_no_environment(bench: Bench, requirements: str) -> None:
    assert find_needed(bench.venvs, bench.plugin("p", requirements)) is None


@pytest.mark.parametrize(
    "requirements",
    ["no-such-library\n", "PyYAML<1\n", "pydantic[email]\nno-such-library\n", "./lib\n"],
)
def test_what_is_missing_or_too_old_needs_one(bench: Bench, requirements: str) -> None:
    plugin = bench.plugin("p", requirements)
    (plugin / "lib").mkdir()

    venv = find_needed(bench.venvs, plugin)

    assert venv is not None
    assert venv.use() is None


def test_the_answer_follows_the_files(bench: Bench) -> None:
    plugin = bench.plugin("p", "first-library\n")
    first = find_needed(bench.venvs, plugin)

    assert find_needed(bench.venvs, plugin) == first
    bench.plugin("p", "second-library\n")
    second = find_needed(bench.venvs, plugin)
    assert second not in {first, None}
    (plugin / "requirements.txt").unlink()
    assert find_needed(bench.venvs, plugin) is None
    make_wheel(plugin / "wheels", "third_library", "1.0")
    assert find_needed(bench.venvs, plugin) not in {first, second, None}


def test_a_wheel_that_is_replaced_by_another_of_its_name_is_seen(bench: Bench) -> None:
    plugin = bench.plugin("p")
    wheel = make_wheel(plugin / "wheels", "third_library", "1.0")
    first = find_needed(bench.venvs, plugin)

    make_wheel(plugin / "wheels", "third_library", "1.0", code="CHANGED = True\n")
    os.utime(wheel, ns=(1, 1))

    assert find_needed(bench.venvs, plugin) != first


def test_plugins_that_ask_for_the_same_share_an_environment(bench: Bench) -> None:
    one = bench.plugin("one", "foo-library>=1\nbar-library\n")
    other = bench.plugin("other", "# in another order\nbar-library   # why\nfoo-library>=1\n")
    for plugin in (one, other):
        make_wheel(plugin / "wheels", "baz_library", "1.0")

    assert recipe_of(one).key == recipe_of(other).key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("foo-library>=1\n", "foo-library>=2\n"),
        ("foo-library\n", "foo-library\n--pre\n"),
        ("foo-library==1 --hash=sha256:aa\n", "foo-library==1 --hash=sha256:bb\n"),
    ],
)
def test_plugins_that_ask_for_something_else_do_not(bench: Bench, one: str, other: str) -> None:
    keys = {recipe_of(bench.plugin(str(n), text)).key for n, text in enumerate((one, other))}

    assert len(keys) == 2


def test_the_worker_and_the_plugin_share_what_the_worker_needs(bench: Bench) -> None:
    plugin = bench.plugin("p", "foo-library\npydantic<2\n")

    with pytest.raises(DependencyError, match=r"requirements.txt:2 asks for 'pydantic<2'") as told:
        find_needed(bench.venvs, plugin)

    assert told.value.data["requirement"] == "pydantic<2"


def test_only_wheels_that_fit_count(bench: Bench) -> None:
    plugin = bench.plugin("p")
    make_wheel(plugin / "wheels", "foo_library", "2.0", tag="cp39-cp39-win32")
    make_wheel(plugin / "wheels", "foo_library", "1.0")

    assert [entry.text for entry in recipe_of(plugin).entries] == ["foo-library==1.0"]


def test_a_library_without_a_fitting_wheel_is_told(bench: Bench) -> None:
    plugin = bench.plugin("p")
    make_wheel(plugin / "wheels", "foo_library", "2.0", tag="cp39-cp39-win32")

    with pytest.raises(DependencyError, match="'foo-library' fits this machine"):
        find_needed(bench.venvs, plugin)


@pytest.mark.parametrize(
    "config",
    [
        "package_manager: conda\n",
        "package_manager: uv\npackage_manager_options: --pre\n",
        "package_manager: [\n",
        "wheels_dir: ../elsewhere\n",
    ],
)
def test_a_wrong_setting_is_told_with_its_remedy(bench: Bench, config: str) -> None:
    plugin = bench.plugin("p", "foo-library\n")
    (plugin / "config.yaml").write_text(config, encoding="utf-8")

    with pytest.raises(DependencyError) as told:
        find_needed(bench.venvs, plugin)

    assert told.value.hint


def test_all_that_a_worker_imports_before_the_plugin_is_fixed() -> None:
    code = """
import sys
before = set(sys.modules)
import synapse_core.worker.resumed, synapse_core.worker.zygote
print(*{name.partition(".")[0] for name in set(sys.modules) - before})
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    owners = importlib.metadata.packages_distributions()

    third = {normalise_name(owner) for top in done.stdout.split() for owner in owners.get(top, ())}

    assert "pydantic" in third
    assert third <= set(runtime_versions())

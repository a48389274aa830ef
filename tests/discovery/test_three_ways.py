"""Manifest, source and import tell the same of a plugin's actions."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synapse_core.actions.loading import isolated_modules
from synapse_core.discovery.from_config import describe_plugin
from synapse_core.discovery.from_imports import scan
from synapse_core.plugins.files import find_files
from tests.discovery.trees import HEAD, make_plugin, scan_folder, write

ROOT = Path(__file__).parents[2]

BASES = """
from abc import abstractmethod
from typing import Generic, TypeVar

import synapse_core as sc
from pydantic import BaseModel
from synapse_core import BaseAction as Root

P = TypeVar("P", bound=BaseModel)


class Params(BaseModel):
    size: int = 1


class ShopAction(Root[P]):
    \"\"\"Has a body, but leaves the params open.\"\"\"

    def execute(self) -> int:
        return 1


class EmptyAction(sc.BaseAction[Params]):
    \"\"\"Does nothing.\"\"\"


class AbstractAction(sc.BaseAction[Params]):
    action_name = "abstract"

    def execute(self) -> int:
        return self.count()

    @abstractmethod
    def count(self) -> int: ...


class _PrivateAction(sc.BaseAction[Params]):
    def execute(self) -> int:
        return 1


class Helper:
    def execute(self) -> int:
        return 1
"""

ACTIONS = """
from shop import bases
from shop.bases import AbstractAction, EmptyAction as Nothing, Params, ShopAction
from synapse_core import action as make
from synapse_core.enums import PluginCategory
from synapse_core.types import ModelWeights, YOLODataset
import synapse_core as sc


Alias = bases.EmptyAction


class AliasedAction(Alias):
    def execute(self) -> int:
        return 1


class CountAction(ShopAction[Params]):
    \"\"\"Count them.

    At length.
    \"\"\"

    category = PluginCategory.EXPORT
    input_type = YOLODataset
    output_type = ModelWeights


class BuyThingsAction(Nothing):
    async def execute(self) -> int:
        return 1


class SellAction(AbstractAction):
    action_name = "sell"

    def count(self) -> int:
        return 2


class TwiceAction(CountAction):
    pass


class Steps(bases.EmptyAction):
    def setup_steps(self, registry) -> None: ...


@make
def bare(size: int = 1) -> int:
    return size


@make(name="named", description="Has a name.", category="upload")
def something(size: int = 1) -> int:
    return size


@sc.action("positional", "By position.")
async def other(size: int = 1) -> int:
    \"\"\"Not this.\"\"\"
    return size


@make()
def _private(size: int = 1) -> int:
    return size


def plain(size: int = 1) -> int:
    return size


if True:
    @make()
    def conditional(size: int = 1) -> int:
        return size

try:
    @make()
    def tried(size: int = 1) -> int:
        return size
except ImportError:
    pass
"""

EXPECTED = {
    "aliased": "shop.run:AliasedAction",
    "count": "shop.run:CountAction",
    "buy_things": "shop.run:BuyThingsAction",
    "sell": "shop.run:SellAction",
    "twice": "shop.run:TwiceAction",
    "steps": "shop.run:Steps",
    "bare": "shop.run:bare",
    "named": "shop.run:something",
    "positional": "shop.run:other",
    "conditional": "shop.run:conditional",
    "tried": "shop.run:tried",
}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return write(
        tmp_path / "plugin",
        {
            "config.yaml": "name: Shop\ncode: shop\n",
            "shop/__init__.py": "from shop.run import CountAction\n",
            "shop/bases.py": BASES,
            "shop/run.py": ACTIONS,
            "tests/test_run.py": f"{HEAD}\n@action()\ndef in_a_test() -> int: return 1\n",
        },
    )


@pytest.fixture(autouse=True)
def imported_here(tmp_path: Path) -> Iterator[None]:
    """Imports are undone after each test; the worker makes them in a process of its own."""
    with isolated_modules(tmp_path):
        yield


def facts(found: dict[str, Any]) -> dict[str, tuple[object, ...]]:
    names = ("entrypoint", "kind", "description", "input_type", "output_type", "file", "line")
    return {name: tuple(one[key] for key in names) for name, one in found.items()}


def test_source_and_import_find_the_same_actions_in_the_same_places(shop: Path) -> None:
    by_source = scan_folder(shop)
    by_import: Any = scan(shop, {})

    assert {name: spec.entrypoint for name, spec in by_source.items()} == EXPECTED
    assert by_import["errors"] == {}
    as_fields = {name: {k: getattr(s, k) for k in s.__slots__} for name, s in by_source.items()}
    assert facts(as_fields) == facts(by_import["actions"])


def test_a_manifest_that_declares_them_agrees(shop: Path) -> None:
    entries = "".join(f"  {name}: {{entrypoint: {where}}}\n" for name, where in EXPECTED.items())
    (shop / "config.yaml").write_text(f"name: Shop\ncode: shop\nactions:\n{entries}")
    by_source = scan_folder(shop)

    declared = describe_plugin(shop, find_files(shop)).actions

    assert list(declared) == list(EXPECTED)
    for name, spec in by_source.items():
        assert (declared[name].kind, declared[name].file) == (spec.kind, spec.file)
        assert declared[name].line == spec.line
        assert declared[name].description == spec.description


def test_what_an_import_finds_besides_is_added(shop: Path) -> None:
    found: Any = scan(shop, {"my_count": "shop.run:CountAction"})

    assert set(found["actions"]) == {*EXPECTED, "my_count"} - {"count"}


def test_declared_actions_come_first_and_take_what_the_source_knows(shop: Path) -> None:
    (shop / "config.yaml").write_text(
        "name: Shop\ncode: shop\ncategory: export\nactions:\n"
        "  sell:\n"
        "  mine: {entrypoint: shop.run.bare, description: Mine.}\n"
        "  gone: {entrypoint: shop.gone:Gone}\n"
        "  nothing:\n"
    )
    actions = describe_plugin(shop, find_files(shop)).actions

    assert list(actions)[:4] == ["sell", "mine", "gone", "nothing"]
    assert set(actions) == {*EXPECTED, "mine", "gone", "nothing"} - {"bare"}
    assert actions["sell"].entrypoint == "shop.run:SellAction"
    assert (actions["mine"].description, actions["mine"].file) == ("Mine.", "shop/run.py")
    assert (actions["gone"].file, actions["nothing"].entrypoint) == ("", "")
    assert (actions["sell"].category, actions["named"].category) == ("export", "upload")


def test_a_plugin_that_is_its_own_package(tmp_path: Path) -> None:
    folder = make_plugin(
        tmp_path / "market",
        params=f"{HEAD}\nclass Params(BaseModel):\n    size: int = 1\n",
        run=f"{HEAD}from market.params import Params\n\nclass RunAction(BaseAction[Params]):\n"
        "    def execute(self) -> int:\n        return 1\n",
    )

    found: Any = scan(folder, {})

    assert scan_folder(folder)["run"].entrypoint == "market.run:RunAction"
    assert found["actions"]["run"]["entrypoint"] == "market.run:RunAction"


def test_one_action_that_cannot_be_loaded_does_not_hide_the_others(tmp_path: Path) -> None:
    folder = make_plugin(
        tmp_path / "demo",
        good=f"{HEAD}\n@action()\ndef good() -> int: return 1\n",
        exits=f"{HEAD}\nimport sys\nsys.exit(3)\n@action()\ndef exits() -> int: return 1\n",
        lacks=f"{HEAD}\nimport no_such_library\n@action()\ndef lacks() -> int: return 1\n",
        untyped=f"{HEAD}\n@action()\ndef untyped(size) -> int: return 1\n",
    )

    found: Any = scan(folder, {})

    assert set(found["actions"]) == {"good"}
    assert set(found["errors"]) == {"exits", "lacks", "untyped"}
    assert "no_such_library" in found["errors"]["lacks"]["message"]
    assert all(failure["hint"] for failure in found["errors"].values())


def test_scanning_imports_nothing_and_survives_every_source(tmp_path: Path) -> None:
    before = set(sys.modules)
    folder = make_plugin(
        tmp_path / "demo",
        good=f"{HEAD}\nraise SystemExit\n@action()\ndef good() -> int: return 1\n",
        broken="def x(:\n",
        loop="from loop2 import A\nclass B(A): ...\n",
        loop2="from loop import B\nclass A(B): ...\n",
        itself="class A(A): ...\n",
        stars="from stars import *\nfrom synapse_core import *\nclass C(BaseAction[int]):\n"
        "    def execute(self): ...\n",
    )
    (folder / "binary.py").write_bytes(bytes(range(256)))
    (folder / "deep.py").write_text("(" * 5000 + ")" * 5000)
    (folder / "no-name.py").write_text(f"{HEAD}\n@action()\ndef no_name() -> int: return 1\n")
    (folder / "dotted.py").write_text(f"class A(x{'.x' * 20_000}): ...\n")
    branches = "".join(f"elif x == {n}:\n    y = {n}\n" for n in range(2_000))
    (folder / "branches.py").write_text(f"x = 1\nif x:\n    pass\n{branches}")
    (folder / "aliases.py").write_text("A = B\nB = A\nclass C(A): ...\n")
    os.mkfifo(folder / "pipe.py")

    assert set(scan_folder(folder)) == {"good", "c"}
    assert set(sys.modules) == before


@given(st.lists(st.tuples(st.integers(0, len(ACTIONS)), st.integers(0, 9), st.text(max_size=4))))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_mangled_source_is_scanned_or_passed_over(
    tmp_path: Path, changes: list[tuple[int, int, str]]
) -> None:
    text = ACTIONS
    for at, removed, added in changes:
        text = text[:at] + added + text[at + removed :]
    (tmp_path / "bases.py").write_text(BASES)
    (tmp_path / "run.py").write_bytes(text.encode(errors="surrogatepass"))

    assert all(spec.entrypoint and spec.line for spec in scan_folder(tmp_path).values())


@pytest.mark.parametrize("name", ["examples/image_quality", "tests/corpus/broken_plugins/base"])
def test_our_own_plugins_are_found_the_same_way(name: str) -> None:
    folder = ROOT / name
    with isolated_modules(folder):
        by_import: Any = scan(folder, {})

    plugin = describe_plugin(folder, find_files(folder))
    found = scan_folder(folder)

    assert set(plugin.actions) == set(found) == set(by_import["actions"])
    assert {name: spec.line for name, spec in found.items()} == {
        name: one["line"] for name, one in by_import["actions"].items()
    }

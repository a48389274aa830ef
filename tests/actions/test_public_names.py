"""The names that authors import, and that asking for one costs only what it needs."""

import json
import subprocess
import sys

import pytest

import synapse_core


def loaded_by(code: str) -> set[str]:
    """Return the modules that a fresh interpreter has loaded after the code."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport json, sys\nprint(json.dumps(list(sys.modules)))"],
        check=True,
        capture_output=True,
        text=True,
        timeout=50,
    )
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("name", sorted(synapse_core.__all__))
def test_every_public_name_can_be_imported(name: str) -> None:
    assert getattr(synapse_core, name) is not None
    assert name in dir(synapse_core)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'BaseAktion'"):
        getattr(synapse_core, "BaseAktion")  # noqa: B009 - a checker would find it


def test_importing_the_package_imports_nothing_of_it() -> None:
    loaded = loaded_by("import synapse_core")

    ours = {name for name in loaded if name.startswith("synapse_core")}
    assert ours == {"synapse_core", "synapse_core.version"}
    assert not loaded & {"pydantic", "yaml", "asyncio", "logging"}


def test_an_action_needs_pydantic_but_nothing_that_a_server_needs() -> None:
    loaded = loaded_by("from synapse_core import BaseAction, action")

    assert "pydantic" in loaded
    for heavy in ("asyncio", "yaml", "jinja2", "mcp", "typer", "rich", "psutil", "sqlite3", "ray"):
        assert heavy not in loaded, heavy


def test_types_and_categories_do_without_pydantic() -> None:
    code = (
        "from synapse_core.types import YOLODataset\nfrom synapse_core.enums import PluginCategory"
    )

    assert "pydantic" not in loaded_by(code)

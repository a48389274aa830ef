"""Fixtures for the tests of plugins.

pytest loads this module in every environment that has Synapse installed, so it imports nothing but
pytest: what a fixture needs comes when it is asked for.
"""

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from synapse_core.runtime.context import RuntimeContext
    from synapse_core.testing.harness import ActionRun
    from synapse_core.testing.sinks import MemorySink

__all__ = ["run_action", "synapse_context", "synapse_sink"]


@pytest.fixture
def run_action(tmp_path: Path) -> "Callable[..., ActionRun]":
    """`synapse_core.testing.run_action`, with its files below `tmp_path`."""
    # Most tests of a user run no action.
    from synapse_core.testing import harness  # noqa: PLC0415 - see above

    return functools.partial(harness.run_action, folder=tmp_path / "run")


@pytest.fixture
def synapse_sink() -> "MemorySink":
    """Collects what is reported through `synapse_context`, in `events`."""
    from synapse_core.testing.sinks import MemorySink  # noqa: PLC0415 - as above

    return MemorySink()


@pytest.fixture
def synapse_context(tmp_path: Path, synapse_sink: "MemorySink") -> "Iterator[RuntimeContext]":
    """A `RuntimeContext` to call functions with, its files below `tmp_path`."""
    from synapse_core.testing.harness import make_context  # noqa: PLC0415 - as above

    with make_context(synapse_sink, tmp_path / "run") as context:
        yield context

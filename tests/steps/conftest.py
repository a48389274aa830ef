"""What the tests of steps stand on."""

from pathlib import Path

import pytest

from tests.steps.recording import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return the first attempt of a run."""
    return World(tmp_path)

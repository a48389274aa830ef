"""Which version of a plugin a process that stays is for."""

import os
from pathlib import Path

import pytest

from synapse_core.executors.ray.driver.reusing import reuse_version

MANIFEST = """
name: Kept
code: kept
actions:
  load: {entrypoint: "kept:load", reuse: true}
  pass: {entrypoint: "kept:pass_by"}
"""


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text(MANIFEST)
    (tmp_path / "kept.py").write_text("def load(): return 1\n")
    return tmp_path


def test_a_version_outlives_whatever_changes_no_source(kept: Path) -> None:
    first = reuse_version(kept, "load")
    os.utime(kept / "kept.py", (0, 0))  # what was written just now looks settled
    (kept / "__pycache__").mkdir()
    (kept / "__pycache__" / "kept.pyc").write_bytes(b"compiled")

    assert first is not None
    assert reuse_version(kept, "load") == first


def test_another_source_is_another_version_though_it_looks_the_same(kept: Path) -> None:
    source = kept / "kept.py"
    before = source.stat()
    first = reuse_version(kept, "load")
    source.write_text("def load(): return 2\n")
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert reuse_version(kept, "load") not in {first, None}


def test_an_action_that_does_not_ask_for_it_has_none(kept: Path) -> None:
    assert reuse_version(kept, "pass") is None
    assert reuse_version(kept, "unknown") is None
    assert reuse_version(kept / "elsewhere", "load") is None

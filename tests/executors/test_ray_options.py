"""What scripts give to executors on Ray, as runs know it."""

from pathlib import Path

import pytest

from synapse_core.errors import InvalidInputError
from synapse_core.executors.ray.options import find_folder, merge_variables, to_resources


def test_variables_of_both_kinds_are_given_and_the_nearer_ones_count() -> None:
    runtime_env = {"env_vars": {"A": "1", "B": "1"}, "working_dir": "/plugin"}

    merged = merge_variables({"B": 2}, runtime_env, "job")

    assert merged == {"A": "1", "B": "2", "SYNAPSE_JOB_ID": "job"}


@pytest.mark.parametrize(
    ("key", "instead"),
    [
        ("pip", "requirements.txt"),
        ("uv", "requirements.txt"),
        ("conda", "requirements.txt"),
        ("py_modules", "`wheels`"),
        ("excludes", ".synapseignore"),
        ("image_uri", "image"),
        ("something", "Leave it out"),
    ],
)
def test_what_is_done_in_another_way_here_is_refused_with_that_way(key: str, instead: str) -> None:
    with pytest.raises(InvalidInputError, match=f"not {key}") as refused:
        merge_variables(None, {key: ["x"]}, None)
    assert instead in refused.value.hint


def test_the_folder_may_be_named_in_either_place(tmp_path: Path) -> None:
    assert find_folder(None, None) is None
    assert find_folder(tmp_path, {}) == tmp_path
    assert find_folder(None, {"working_dir": str(tmp_path)}) == tmp_path
    assert find_folder(tmp_path, {"working_dir": str(tmp_path)}) == tmp_path
    with pytest.raises(InvalidInputError, match="Give one of them"):
        find_folder(tmp_path, {"working_dir": "/elsewhere"})
    with pytest.raises(InvalidInputError, match="no folder of this disk"):
        find_folder(None, {"working_dir": "s3://bucket/plugin.zip"})


def test_negative_resources_are_refused() -> None:
    assert to_resources(0.5, None, 100).memory_mb == 1
    with pytest.raises(InvalidInputError, match="num_gpus is -1"):
        to_resources(None, -1, None)

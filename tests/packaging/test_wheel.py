"""What is built is what users need, and nothing else."""

import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with the source archive and the wheel that was made from it."""
    folder = tmp_path_factory.mktemp("dist")
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Iterator[zipfile.ZipFile]:
    (file,) = built.glob("*.whl")
    with zipfile.ZipFile(file) as archive:
        yield archive


def below(folder: Path, pattern: str) -> set[str]:
    """Return the files below a folder of the checkout that a build must not forget."""
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob(pattern)
        if path.is_file() and "__pycache__" not in path.parts
    }


def names_in(wheel: zipfile.ZipFile, prefix: str) -> set[str]:
    return {name.removeprefix(prefix) for name in wheel.namelist() if name.startswith(prefix)}


@pytest.mark.parametrize("package", ["synapse_core", "synapse_mcp"])
def test_every_module_and_data_file_is_in_the_wheel(wheel: zipfile.ZipFile, package: str) -> None:
    assert below(ROOT / package, "*") <= names_in(wheel, f"{package}/")


def test_the_prompts_are_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    prompts = below(ROOT / "prompts", "*.md")

    assert prompts
    assert names_in(wheel, "synapse_mcp/prompt_files/") == prompts


def test_the_templates_of_the_scaffold_are_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    templates = names_in(wheel, "synapse_core/scaffold/templates/")

    assert any(name.endswith("config.yaml.j2") for name in templates)


def test_the_example_that_the_demo_runs_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    example = names_in(wheel, "synapse_mcp/example_files/image_quality/")

    assert {"config.yaml", "images/LICENSES.md", "image_quality/report.html"} <= example
    assert below(ROOT / "examples/image_quality/images", "*.png") == {
        name.removeprefix("images/") for name in example if name.endswith(".png")
    }


def test_nothing_else_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    (metadata,) = [name for name in wheel.namelist() if name.endswith("/METADATA")]
    tops = {name.split("/")[0] for name in wheel.namelist()}

    assert tops == {"synapse_core", "synapse_mcp", metadata.split("/", maxsplit=1)[0]}
    assert not [name for name in wheel.namelist() if name.endswith((".pyc", ".so"))]
    assert sum(info.file_size for info in wheel.infolist()) < 5_000_000


def test_the_metadata_tells_what_installers_ask_for(wheel: zipfile.ZipFile) -> None:
    info = {Path(name).name: name for name in wheel.namelist() if "dist-info" in name}
    metadata = Parser().parsestr(wheel.read(info["METADATA"]).decode())
    entry_points = wheel.read(info["entry_points.txt"]).decode()

    assert metadata["Name"] == "synapse-mcp"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert str(metadata.get_payload()).startswith("# Synapse")
    assert "LICENSE" in info
    assert "synapse = synapse_mcp.cli.__main__:main" in entry_points
    assert "synapse-mcp = synapse_mcp.__main__:main" in entry_points


def test_a_wheel_can_be_built_from_the_source_archive(built: Path) -> None:
    """`build` makes the wheel from the unpacked archive, so its presence is the proof."""
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as source:
        names = {name.split("/", maxsplit=1)[-1] for name in source.getnames()}

    assert list(built.glob("*.whl"))
    assert {"pyproject.toml", "LICENSE", "README.md", "CHANGELOG.md"} <= names


def test_the_lock_names_no_place_and_hashes_everything() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    entries = [line for line in lock.splitlines() if line and not line.startswith((" ", "#"))]

    assert "://" not in lock
    assert "--index" not in lock
    assert "--find-links" not in lock
    assert entries
    assert all("==" in entry and entry.endswith("\\") for entry in entries)


def test_the_lock_satisfies_what_the_project_asks_for() -> None:
    """A dependency added to pyproject.toml without `make lock` would be missed on a fresh clone."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = dict(
        line.split(" ", maxsplit=1)[0].split("==")
        for line in lock.splitlines()
        if "==" in line and line[0].isalpha()
    )

    for text in wanted:
        requirement = Requirement(text)
        version = locked.get(requirement.name.lower().replace("_", "-"))
        assert version is not None, f"{text} is not locked"
        assert version in requirement.specifier, f"{text} is locked as {version}"

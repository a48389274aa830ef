"""What the files of a plugin say about libraries."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synapse_core.dependencies.requirement_files import RequirementFiles, read_requirement_files


def read(folder: Path, text: str, *, file: str = "requirements.txt") -> RequirementFiles:
    (folder / file).write_text(text, encoding="utf-8")
    return read_requirement_files(folder)


@pytest.mark.parametrize(
    ("line", "text", "name"),
    [
        ("pillow>=11  # pictures", "pillow>=11", "pillow"),
        ("Foo_Bar[a, b] ; python_version > '3'", "Foo_Bar[a, b] ; python_version > '3'", "foo-bar"),
        ("zope.interface==7", "zope.interface==7", "zope-interface"),
        ("foo @ https://host.invalid/foo.zip#egg", "foo @ https://host.invalid/foo.zip#egg", "foo"),
        ("./wheels/foo-1.0-py3-none-any.whl", "./wheels/foo-1.0-py3-none-any.whl", "foo"),
        ("git+https://host.invalid/x.git", "git+https://host.invalid/x.git", ""),
    ],
)
def test_a_line_names_a_library(tmp_path: Path, line: str, text: str, name: str) -> None:
    (entry,) = read(tmp_path, f"# first\n\n{line}\n").entries

    assert (entry.text, entry.name, entry.place) == (text, name, "requirements.txt:3")


def test_hashes_on_continued_lines_belong_to_the_requirement(tmp_path: Path) -> None:
    (entry,) = read(tmp_path, "foo==1 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n").entries

    assert entry.text == "foo==1"
    assert entry.hashes == ("sha256:aa", "sha256:bb")
    assert entry.line == 1


def test_included_files_are_read_where_they_stand(tmp_path: Path) -> None:
    (tmp_path / "req").mkdir()
    (tmp_path / "req" / "base.txt").write_text("foo\n-c limits.txt\n", encoding="utf-8")
    (tmp_path / "req" / "limits.txt").write_text("bar<2\n", encoding="utf-8")

    found = read(tmp_path, "-r req/base.txt\nbaz\n")

    assert [entry.text for entry in found.entries] == ["foo", "baz"]
    assert [entry.place for entry in found.constraints] == ["req/limits.txt:1"]
    assert tmp_path / "req/base.txt" in found.looked_at


def test_files_that_include_each_other_come_to_an_end(tmp_path: Path) -> None:
    found = read(tmp_path, "foo\n-r requirements.txt\n")

    assert found.problems


@pytest.mark.parametrize(
    "line", ["-r ../other.txt", "-r nowhere.txt", "-e ../elsewhere", "foo bar baz", "===="]
)
def test_what_cannot_be_followed_is_told_with_its_line(tmp_path: Path, line: str) -> None:
    found = read(tmp_path, f"fine\n{line}\n")

    assert [(one.file, one.line) for one in found.problems] == [("requirements.txt", 2)]


@pytest.mark.parametrize("line", ["-e .", "."])
def test_the_plugin_itself_needs_no_installation(tmp_path: Path, line: str) -> None:
    found = read(tmp_path, f"{line}\n")

    assert not found.entries
    assert not found.problems


def test_options_are_kept_and_local_links_made_absolute(tmp_path: Path) -> None:
    found = read(tmp_path, "-f links\n--no-index\n-i https://host.invalid/simple\n--pre\n")

    assert found.options == [
        ("--find-links", str(tmp_path / "links")),
        ("--no-index", ""),
        ("--index-url", "https://host.invalid/simple"),
        ("--pre", ""),
    ]


def test_a_project_tells_its_dependencies_and_its_extras_apart(tmp_path: Path) -> None:
    text = """
[project]
name = "p"
dependencies = ["foo>=1", "bar"]
[project.optional-dependencies]
more = ["baz"]
"""
    entries = read(tmp_path, text, file="pyproject.toml").entries

    assert [(one.name, one.is_optional, one.line) for one in entries] == [
        ("foo", False, 4),
        ("bar", False, 4),
        ("baz", True, 6),
    ]


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_content_ends_in_an_exception(tmp_path: Path, content: bytes) -> None:
    for file in ("requirements.txt", "pyproject.toml"):
        (tmp_path / file).write_bytes(content)

    read_requirement_files(tmp_path)

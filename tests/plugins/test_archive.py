"""Plugins packed for other machines."""

import io
import os
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synapse_core.errors import InvalidInputError, TooLargeError
from synapse_core.plugins.archive import pack, stamp_sent_files, unpack
from synapse_core.plugins.ignoring import find_sent_files

_NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="/\0\\", exclude_categories=["Cs", "Cc"]),
    min_size=1,
    max_size=12,
).filter(lambda name: name not in {".", ".."} and not name.startswith(".") and name == name.strip())
_FILES = st.dictionaries(
    st.lists(_NAMES, min_size=1, max_size=3).map("/".join),
    st.tuples(st.binary(max_size=200), st.booleans()),
    max_size=6,
)


def write(folder: Path, files: dict[str, tuple[bytes, bool]]) -> None:
    """Write them, unless a name stands in the way of another."""
    folder.mkdir(parents=True)
    for name, (content, is_program) in files.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except OSError:
            continue
        path.chmod(0o755 if is_program else 0o644)


def packed(folder: Path) -> tuple[bytes, str]:
    held = io.BytesIO()
    digest = pack(folder, held).digest
    return held.getvalue(), digest


def tree(folder: Path) -> dict[str, tuple[bytes, bool]]:
    return {
        file.name: (file.path.read_bytes(), bool(file.status.st_mode & 0o100))
        for file in find_sent_files(folder)
    }


@settings(max_examples=40, deadline=None)
@given(files=_FILES)
def test_the_same_content_gives_the_same_bytes_wherever_and_whenever_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, tuple[bytes, bool]]
) -> None:
    one, other = (tmp_path_factory.mktemp("packed") / "thing" for _ in range(2))
    write(one, files)
    write(other, dict(reversed(list(tree(one).items()))))
    for file in find_sent_files(other):
        os.utime(file.path, (1, 1))

    assert packed(one) == packed(other)


@settings(max_examples=40, deadline=None)
@given(files=_FILES)
def test_what_is_unpacked_is_what_was_packed(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, tuple[bytes, bool]]
) -> None:
    root = tmp_path_factory.mktemp("packed")
    write(root / "thing", files)
    held, digest = packed(root / "thing")

    archive = unpack(io.BytesIO(held), root / "there")

    assert archive.digest == (digest if files else archive.digest)
    there = root / "there" / "thing"
    assert (tree(there) if there.exists() else {}) == tree(root / "thing")


@pytest.mark.parametrize("change", ["content", "name", "program", "folder"])
def test_any_change_gives_another_digest(tmp_path: Path, change: str) -> None:
    write(tmp_path / "thing", {"a.py": (b"one", False)})
    before, stamp = packed(tmp_path / "thing")[1], stamp_sent_files(tmp_path / "thing")

    folder = tmp_path / "thing"
    match change:
        case "content":
            (folder / "a.py").write_bytes(b"other")
        case "name":
            (folder / "a.py").rename(folder / "b.py")
        case "program":
            (folder / "a.py").chmod(0o755)
        case _:
            folder = folder.rename(tmp_path / "other")

    assert packed(folder)[1] != before
    assert stamp_sent_files(folder) != stamp


def test_rules_are_honoured_and_the_nearer_and_own_ones_count_more(tmp_path: Path) -> None:
    folder = tmp_path / "thing"
    names = [
        "actions.py",
        "data/big.bin",
        "data/small.bin",
        "notes/.gitignore",
        "notes/draft.md",
        "notes/keep.log",
        "run.log",
        ".env",
        ".git/config",
        "__pycache__/actions.pyc",
        "venv/lib/x.py",
        "wheels/lib.whl",
    ]
    write(folder, dict.fromkeys(names, (b"", False)))
    (folder / ".gitignore").write_text("*.log\n*.whl\n/data/*\n!/data/small.bin\n")
    (folder / ".synapseignore").write_text("!wheels/*.whl\n")
    (folder / "notes/.gitignore").write_text("draft.*\n!keep.log\n")

    assert list(tree(folder)) == [
        ".gitignore",
        ".synapseignore",
        "actions.py",
        "data/small.bin",
        "notes/.gitignore",
        "notes/keep.log",
        "wheels/lib.whl",
    ]


def test_links_are_followed_inside_only(tmp_path: Path) -> None:
    folder = tmp_path / "thing"
    write(folder, {"a.py": (b"one", False)})
    (tmp_path / "secret").write_text("secret")
    (folder / "inside.py").symlink_to("a.py")
    (folder / "outside").symlink_to(tmp_path / "secret")
    (folder / "folder").symlink_to(tmp_path)
    (folder / "broken").symlink_to("nowhere")
    os.mkfifo(folder / "pipe")

    assert tree(folder) == {"a.py": (b"one", False), "inside.py": (b"one", False)}


def test_what_is_too_large_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "thing"
    write(folder, {f"data/{n}.bin": (b"x" * n * 100_000, False) for n in range(1, 9)})

    with pytest.raises(TooLargeError, match=r"holds 3\.4 MiB.*Largest: data/8\.bin \(0\.8 MiB\)"):
        pack(folder, io.BytesIO(), max_bytes=1 << 20)


@pytest.mark.parametrize(
    "name", ["../evil", "a/../../evil", "/etc/evil", "a", "a/", "a//b", "a\\b/c"]
)
def test_archives_that_would_write_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as zipped:
        zipped.writestr(name, b"evil")

    with pytest.raises(InvalidInputError, match="no file of a plugin"):
        unpack(held, tmp_path / "there")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_damaged_archive_is_told(tmp_path: Path) -> None:
    write(tmp_path / "thing", {"a.py": (b"one" * 1000, False)})
    held, _ = packed(tmp_path / "thing")

    with pytest.raises(InvalidInputError, match="damaged"):
        unpack(io.BytesIO(held[: len(held) // 2]), tmp_path / "there")


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "thing", {})
    (tmp_path / "thing" / os.fsdecode(b"\xff.py")).write_bytes(b"")

    with pytest.raises(InvalidInputError, match="no text"):
        pack(tmp_path / "thing", io.BytesIO())

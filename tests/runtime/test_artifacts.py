# ruff: noqa: ANN401 - values of wrong types are what these tests are about

import hashlib
import os
import resource
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_core.errors import (
    InvalidInputError,
    PathRefusedError,
    RunCancelledError,
    StorageError,
    SynapseError,
)
from synapse_core.model.run import ArtifactInfo
from synapse_core.runtime.artifact_names import checked_name
from synapse_core.runtime.artifacts import ArtifactFolder
from synapse_core.runtime.cancellation import CancelToken

Save = Callable[..., ArtifactInfo]


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    return tmp_path / "run"


@pytest.fixture
def save(run_dir: Path) -> Save:
    folder = ArtifactFolder(run_dir, CancelToken().check)

    def save(source: Any, name: str | None = None, media_type: str | None = None) -> ArtifactInfo:
        with folder.draft(source, name, media_type) as draft:
            draft.publish()
        return draft.info

    return save


def files(run_dir: Path) -> list[str]:
    return sorted(str(path.relative_to(run_dir)) for path in run_dir.rglob("*") if path.is_file())


def test_bytes_are_saved_with_size_and_checksum(save: Save, run_dir: Path) -> None:
    info = save(b"content", "plots/loss.png")

    assert info == ArtifactInfo(
        name="plots/loss.png",
        path="artifacts/plots/loss.png",
        size_bytes=7,
        sha256=hashlib.sha256(b"content").hexdigest(),
        media_type="image/png",
    )
    assert (run_dir / info.path).read_bytes() == b"content"
    assert files(run_dir) == ["artifacts/plots/loss.png"]


def test_a_file_is_saved_under_its_own_name(save: Save, run_dir: Path, tmp_path: Path) -> None:
    file = tmp_path / "model.bin"
    file.write_bytes(b"weights")

    assert save(file).name == "model.bin"
    assert save(str(file)).name == "model.bin"
    assert save(file, "best/model.bin").path == "artifacts/best/model.bin"
    assert (run_dir / "artifacts" / "best" / "model.bin").read_bytes() == b"weights"


def test_what_is_saved_no_longer_follows_its_source(
    save: Save, run_dir: Path, tmp_path: Path
) -> None:
    file = tmp_path / "last.pt"
    file.write_bytes(b"first")
    info = save(file)

    with file.open("r+b") as again:
        again.write(b"other")

    assert (run_dir / info.path).read_bytes() == b"first"


def test_a_link_to_a_file_is_saved_as_the_file(save: Save, run_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "blob").write_bytes(b"weights")
    (tmp_path / "model.bin").symlink_to("blob")

    info = save(tmp_path / "model.bin")

    assert not (run_dir / info.path).is_symlink()
    assert (run_dir / info.path).read_bytes() == b"weights"


def test_text_with_a_name_is_content(save: Save, run_dir: Path) -> None:
    info = save("a,b\n1,\udcff\n", "table.csv")

    assert (run_dir / info.path).read_bytes() == b"a,b\n1,\\udcff\n"
    assert info.media_type == "text/csv"
    assert save("fine", "note.txt").size_bytes == 4
    assert save("", "empty.txt").size_bytes == 0


def test_text_that_may_be_meant_as_a_path_is_refused(
    save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("notes").write_text("secret", encoding="utf-8")

    for text, name in [("notes", "copy.txt"), ("out/missing.csv", "table.csv")]:
        with pytest.raises(InvalidInputError, match="reads like the path") as caught:
            save(text, name)
        assert "Path(...)" in caught.value.hint
        assert ".encode()" in caught.value.hint


@pytest.mark.parametrize("content", [b"abc", bytearray(b"abc"), memoryview(b"abc"), b""])
def test_all_kinds_of_bytes_can_be_saved(save: Save, run_dir: Path, content: Any) -> None:
    info = save(content, "x")

    assert (run_dir / info.path).read_bytes() == bytes(content)
    assert info.media_type == "application/octet-stream"


def test_saving_again_replaces_and_leaves_nothing_beside(save: Save, run_dir: Path) -> None:
    save(b"first", "a.txt")
    info = save(b"second!", "a.txt")

    assert info.size_bytes == 7
    assert (run_dir / "artifacts" / "a.txt").read_bytes() == b"second!"
    assert files(run_dir) == ["artifacts/a.txt"]


def test_a_reader_sees_one_whole_file_or_the_other(save: Save, run_dir: Path) -> None:
    contents = [bytes([number]) * 200_000 for number in range(2)]
    save(contents[0], "x.bin")
    is_done = threading.Event()
    torn: list[bytes] = []

    def read() -> None:
        while not is_done.is_set():
            seen = (run_dir / "artifacts" / "x.bin").read_bytes()
            if seen not in contents:
                torn.append(seen)

    reader = threading.Thread(target=read)
    reader.start()
    for turn in range(50):
        save(contents[turn % 2], "x.bin")
    is_done.set()
    reader.join()

    assert torn == []


def test_a_file_larger_than_a_piece_is_saved_whole(
    save: Save, run_dir: Path, tmp_path: Path
) -> None:
    content = os.urandom(1 << 16) * 50 + b"rest"
    file = tmp_path / "big.bin"
    file.write_bytes(content)

    info = save(file)

    assert info.size_bytes == len(content)
    assert info.sha256 == hashlib.sha256(content).hexdigest()
    assert (run_dir / info.path).read_bytes() == content


def test_a_cancelled_run_leaves_no_half_file(run_dir: Path, tmp_path: Path) -> None:
    file = tmp_path / "big.bin"
    file.write_bytes(bytes(3 << 20))
    cancel = CancelToken()
    cancel.set()

    with pytest.raises(RunCancelledError):
        ArtifactFolder(run_dir, cancel.check).draft(file, None, None)

    assert files(run_dir) == []


def test_a_draft_that_is_not_published_leaves_nothing(run_dir: Path) -> None:
    folder = ArtifactFolder(run_dir, CancelToken().check)

    with folder.draft(b"x", "x.txt", None):
        assert len(files(run_dir)) == 1

    assert files(run_dir) == []


HOSTILE = [
    "../outside",
    "a/../../outside",
    "..",
    "/etc/passwd",
    "//server/share",
    "C:/windows",
    "c:evil",
    "a\\b",
    "..\\outside",
    "a\x00b",
    "a\nb",
    "a\x1b[2Jb",
    "a\u2028b",
    "a\x85b",
    "a//b",
    "a/",
    "./a",
    "a/./b",
    "a/ b",
    "a /b",
    "\udcff",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_that_may_lead_elsewhere_is_refused(save: Save, run_dir: Path, name: str) -> None:
    with pytest.raises(PathRefusedError) as caught:
        save(b"x", name)

    assert caught.value.hint
    str(caught.value).encode()
    assert not run_dir.exists()


@pytest.mark.parametrize(
    "name", ["", " ", "\n", "x" * 256, "/".join(["x" * 200] * 6), "ü" * 128, 5]
)
def test_a_name_that_cannot_be_used_is_refused(save: Save, name: Any) -> None:
    with pytest.raises(InvalidInputError) as caught:
        save(b"x", name)

    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "name",
    ["a", "a.b", ".hidden", "a b/c d.txt", "ü/日本.txt", "x" * 255, "a..b", "~", "$HOME", "ab:c"],
)
def test_names_that_are_merely_odd_are_fine(save: Save, run_dir: Path, name: str) -> None:
    info = save(b"x", name)

    assert (run_dir / info.path).read_bytes() == b"x"


@given(st.text(st.characters(exclude_categories=[]), max_size=40))
def test_no_name_leaves_the_folder(name: str) -> None:
    root = Path("/runs/1/artifacts")
    try:
        checked_name(name)
    except SynapseError:
        return
    target = Path(os.path.normpath(root / name))
    assert target.is_relative_to(root)
    assert target != root
    assert str(target.relative_to(root)) == name


@pytest.mark.parametrize("name", ["link/x.txt", "link/deep/x.txt", "link"])
def test_a_link_in_the_way_is_not_followed(
    save: Save, run_dir: Path, tmp_path: Path, name: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (run_dir / "artifacts").mkdir(parents=True)
    (run_dir / "artifacts" / "link").symlink_to(outside)

    with pytest.raises(PathRefusedError, match="link"):
        save(b"x", name)

    assert list(outside.iterdir()) == []
    assert files(run_dir) == []


def test_an_artifacts_folder_that_is_a_link_is_refused(
    save: Save, run_dir: Path, tmp_path: Path
) -> None:
    run_dir.mkdir()
    (run_dir / "artifacts").symlink_to(tmp_path)

    with pytest.raises(PathRefusedError):
        save(b"x", "x.txt")

    assert not (tmp_path / "x.txt").exists()


@pytest.mark.parametrize("names", [("a", "a/b"), ("a/b", "a")])
def test_a_file_and_a_folder_cannot_share_a_name(
    save: Save, run_dir: Path, names: tuple[str, str]
) -> None:
    first, second = names
    save(b"x", first)

    with pytest.raises(InvalidInputError, match="folder"):
        save(b"y", second)

    assert files(run_dir) == [f"artifacts/{first}"]


def test_a_folder_is_refused_with_what_to_do(save: Save, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="is a folder") as caught:
        save(tmp_path, "model")

    assert "make_archive" in caught.value.hint


def test_a_pipe_is_refused_without_waiting_for_a_writer(save: Save, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    for source in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(InvalidInputError, match="not a regular file"):
            save(source)


def test_a_missing_file_is_told_with_its_neighbour_and_where_paths_begin(
    save: Save, tmp_path: Path
) -> None:
    (tmp_path / "model.bin").touch()

    with pytest.raises(InvalidInputError, match="There is no file") as caught:
        save(tmp_path / "modle.bin")

    assert "'model.bin'" in caught.value.hint
    assert str(Path.cwd()) in caught.value.hint


@pytest.mark.parametrize("path", ["nowhere\0.txt", "x" * 5000, "nowhere/x.txt", ""])
def test_a_path_that_names_no_file_is_refused(save: Save, path: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        save(path)

    assert len(caught.value.message) < 400


def test_bytes_need_a_name(save: Save) -> None:
    with pytest.raises(InvalidInputError, match="no name") as caught:
        save(b"x")

    assert "save_artifact(content" in caught.value.hint


@pytest.mark.parametrize("source", [None, 5, {"a": 1}, object()])
def test_what_is_no_file_and_no_content_is_refused(save: Save, source: object) -> None:
    with pytest.raises(InvalidInputError, match="cannot be saved"):
        save(source, "x.txt")


@pytest.mark.parametrize("media_type", ["", "png", "image/", "image/png\nX: y", "a/b/c", "ü/x"])
def test_what_is_no_media_type_is_refused(save: Save, run_dir: Path, media_type: str) -> None:
    with pytest.raises(InvalidInputError, match="no media type"):
        save(b"x", "x.png", media_type)

    assert not run_dir.exists()


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("a.PNG", "image/png"),
        ("a.jsonl", "application/jsonl"),
        ("a.md", "text/markdown"),
        ("a.tar.gz", "application/gzip"),
        ("a.mp3", "audio/mpeg"),
        ("a.unheard-of", "application/octet-stream"),
        ("png", "application/octet-stream"),
    ],
)
def test_the_name_tells_the_media_type(save: Save, name: str, media_type: str) -> None:
    assert save(b"x", name).media_type == media_type


def test_a_given_media_type_stands(save: Save) -> None:
    assert (
        save(b"x", "x.bin", "text/plain; charset=utf-8").media_type == "text/plain; charset=utf-8"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_told(save: Save, tmp_path: Path) -> None:
    file = tmp_path / "private"
    file.touch(mode=0)

    with pytest.raises(StorageError, match="Permission denied"):
        save(file)


def test_a_full_disk_leaves_the_earlier_artifact(save: Save, run_dir: Path) -> None:
    save(b"first", "x.bin")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        with pytest.raises(StorageError, match=r"x\.bin") as caught:
            save(bytes(4 << 20), "x.bin")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert "untouched" in caught.value.hint
    assert (run_dir / "artifacts" / "x.bin").read_bytes() == b"first"
    assert files(run_dir) == ["artifacts/x.bin"]


def test_a_run_folder_that_cannot_be_written_is_told(save: Save, run_dir: Path) -> None:
    run_dir.parent.mkdir(exist_ok=True)
    run_dir.write_bytes(b"a file where the folder should be")

    with pytest.raises((StorageError, InvalidInputError)):
        save(b"x", "x.txt")

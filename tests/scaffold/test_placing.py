"""Files are put in place all or none, and nothing is lost without a yes."""

import os
import threading
from pathlib import Path, PurePosixPath

import pytest

from synapse_core.errors import OverwriteRefusedError, PathRefusedError, StorageError
from synapse_core.scaffold.blueprints import FileTree
from synapse_core.scaffold.changes import Change, build_diff, plan_changes
from synapse_core.scaffold.placing import place_files, refuse_overwriting

FILES: FileTree = {
    PurePosixPath("pkg/deep/a.py"): b"print(1)\n",
    PurePosixPath("README.md"): "# Schön\n".encode(),
    PurePosixPath("config.yaml"): b"name: x\n",
}


def write(folder: Path, files: FileTree = FILES, *, force: bool = False) -> None:
    changes = plan_changes(folder, files)
    if not force:
        refuse_overwriting(folder, changes)
    place_files(folder, changes)


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_new_folder_holds_the_files_and_nothing_else_is_left(tmp_path: Path) -> None:
    write(tmp_path / "out" / "plugin")

    assert tree(tmp_path / "out") == {f"plugin/{path}": body for path, body in FILES.items()}


def test_files_join_those_that_are_there(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "LICENSE").write_bytes(b"mine")

    write(tmp_path)

    assert tree(tmp_path) == {"LICENSE": b"mine"} | {str(path): b for path, b in FILES.items()}


def test_writing_the_same_again_changes_nothing(tmp_path: Path) -> None:
    write(tmp_path / "p")
    before = (tmp_path / "p" / "README.md").stat()

    write(tmp_path / "p")

    after = (tmp_path / "p" / "README.md").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_file_that_would_be_lost_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_bytes(b"mine")

    with pytest.raises(
        OverwriteRefusedError, match=r"1 of the files to write: README\.md"
    ) as caught:
        write(tmp_path)

    assert caught.value.data["files"] == ["README.md"]
    assert tree(tmp_path) == {"README.md": b"mine"}


def test_force_replaces_files_and_keeps_their_permissions(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_bytes(b"mine")
    readme.chmod(0o640)

    write(tmp_path, force=True)

    assert readme.read_bytes() == FILES[PurePosixPath("README.md")]
    assert readme.stat().st_mode & 0o777 == 0o640


def test_a_file_that_cannot_be_written_takes_back_all_others(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_bytes(b"mine")
    changes = plan_changes(tmp_path, FILES)
    (tmp_path / "config.yaml").write_bytes(b"came in between")

    with pytest.raises(OverwriteRefusedError, match="config"):
        place_files(tmp_path, changes)

    assert tree(tmp_path) == {"README.md": b"mine", "config.yaml": b"came in between"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["README.md", "config.yaml"]
    assert not list(tmp_path.parent.glob(".*.tmp"))


def test_a_file_changed_by_somebody_else_meanwhile_is_not_lost(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_bytes(b"old")
    changes = plan_changes(tmp_path, FILES)
    (tmp_path / "config.yaml").write_bytes(b"newer")

    with pytest.raises(OverwriteRefusedError, match="changed by somebody else"):
        place_files(tmp_path, changes)

    assert tree(tmp_path) == {"config.yaml": b"newer"}


def test_of_many_writers_at_once_exactly_one_wins(tmp_path: Path) -> None:
    """Their files differ, so a mixture would be seen."""
    start = threading.Barrier(8)
    lost: list[int] = []

    def compete(number: int) -> None:
        files = {path: b"%d %s" % (number, body) for path, body in FILES.items()}
        changes = plan_changes(tmp_path / "p", files)
        start.wait()
        try:
            place_files(tmp_path / "p", changes)
        except OverwriteRefusedError:
            lost.append(number)

    threads = [threading.Thread(target=compete, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(lost) == 7
    assert len({body.split()[0] for body in tree(tmp_path / "p").values()}) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["p"]


@pytest.mark.parametrize("link", ["pkg", "pkg/deep", "README.md"])
@pytest.mark.parametrize("force", [False, True])
def test_a_link_never_leads_a_file_out_of_the_folder(
    tmp_path: Path, *, link: str, force: bool
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    folder = tmp_path / "p"
    (folder / link).parent.mkdir(parents=True)
    (folder / link).symlink_to(outside, target_is_directory=True)

    with pytest.raises(PathRefusedError, match="a link stands there"):
        write(folder, force=force)

    assert list(outside.iterdir()) == []


def test_a_link_in_a_circle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pkg").symlink_to("pkg")

    with pytest.raises((PathRefusedError, StorageError)):
        write(tmp_path)


def test_a_file_in_place_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "pkg").write_bytes(b"a file")

    with pytest.raises(PathRefusedError, match=r"the file .*pkg stands in its way"):
        write(tmp_path)


def test_a_folder_in_place_of_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "README.md").mkdir()

    with pytest.raises(PathRefusedError, match="a folder stands in its way"):
        write(tmp_path)


def test_a_folder_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(PathRefusedError, match=r"is not a folder|stands in its way"):
        write(tmp_path / "file" / "p")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)

    with pytest.raises(StorageError, match="Nothing was written"):
        write(tmp_path / "p")

    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_writer_left_is_cleared_up(tmp_path: Path) -> None:
    old, young = tmp_path / ".p.0123abcd.tmp", tmp_path / ".p.4567abcd.tmp"
    for draft in (old, young):
        draft.mkdir()
    os.utime(old, (0, 0))

    write(tmp_path / "p")

    assert not old.exists()
    assert young.exists()


def test_a_diff_shows_what_is_new_and_what_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# Old", encoding="utf-8")
    files = {**FILES, PurePosixPath("data.bin"): b"\xff\x00"}

    changes = plan_changes(tmp_path, files)

    assert [change.change for change in changes] == [
        Change.CREATED,
        Change.REPLACED,
        Change.CREATED,
        Change.CREATED,
    ]
    assert build_diff(changes) == (
        "--- /dev/null\n+++ b/pkg/deep/a.py\n@@ -0,0 +1 @@\n+print(1)\n"
        "--- a/README.md\n+++ b/README.md\n@@ -1 +1 @@\n"
        "-# Old\n\\ No newline at end of file\n+# Schön\n"
        "--- /dev/null\n+++ b/config.yaml\n@@ -0,0 +1 @@\n+name: x\n"
        "Binary file b/data.bin created\n"
    )

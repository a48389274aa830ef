"""Whatever lies where a `config.yaml` should be, reading it ends at once and with clear words."""

import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synapse_core.errors import ManifestError, StorageError
from synapse_core.plugins.manifest_file import MAX_MANIFEST_BYTES, decode_manifest, read_manifest
from synapse_core.plugins.parsing import parse_manifest

GOOD = b"name: x\ncode: x\n"


def refuse(folder: Path) -> tuple[str, int, int]:
    with pytest.raises(ManifestError) as caught:
        read_manifest(folder)
    (found,) = cast("list[dict[str, Any]]", caught.value.data["diagnostics"])
    assert found["fix"]
    assert caught.value.data["path"] == str(folder)
    return found["code"], found["line"], found["column"]


def test_a_file_is_read_without_its_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_bytes(b"\xef\xbb\xbf" + GOOD)

    assert read_manifest(tmp_path).encode() == GOOD


def test_nothing_there(tmp_path: Path) -> None:
    assert refuse(tmp_path)[0] == "manifest-missing"
    assert refuse(tmp_path / "gone")[0] == "manifest-missing"


def test_a_folder(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").mkdir()

    assert refuse(tmp_path)[0] == "manifest-not-a-file"


@pytest.mark.parametrize("target", ["/etc/passwd", "real.yaml", "config.yaml", "nowhere"])
def test_a_link_wherever_it_leads(tmp_path: Path, target: str) -> None:
    (tmp_path / "real.yaml").write_bytes(GOOD)
    (tmp_path / "config.yaml").symlink_to(target)

    assert refuse(tmp_path)[0] == "manifest-not-a-file"


def test_a_pipe_that_nobody_writes_to(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.yaml")

    assert refuse(tmp_path)[0] == "manifest-not-a-file"


def test_a_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("config.yaml")

        assert refuse(tmp_path)[0] == "manifest-not-a-file"


def test_a_huge_file(tmp_path: Path) -> None:
    with (tmp_path / "config.yaml").open("wb") as file:
        file.truncate(50 << 30)  # a hole: it takes no space

    assert refuse(tmp_path)[0] == "manifest-too-large"


def test_the_largest_file_that_is_read(tmp_path: Path) -> None:
    content = GOOD + b"#" * (MAX_MANIFEST_BYTES - len(GOOD))
    (tmp_path / "config.yaml").write_bytes(content)

    assert len(read_manifest(tmp_path)) == MAX_MANIFEST_BYTES


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (GOOD.decode().encode("utf-16"), (0, 0)),
        ("näme: x".encode("latin-1"), (1, 2)),
        (b"name: x\ncode: \xff\n", (2, 7)),
        (b"\x7fELF\x02\x01\x00\x00", (1, 0)),
    ],
)
def test_bytes_that_are_no_text(tmp_path: Path, content: bytes, place: tuple[int, int]) -> None:
    (tmp_path / "config.yaml").write_bytes(content)

    assert refuse(tmp_path) == ("manifest-encoding", *place)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_bytes(GOOD)
    (tmp_path / "config.yaml").chmod(0)

    with pytest.raises(StorageError, match="Permission denied"):
        read_manifest(tmp_path)


@given(st.binary() | st.binary().map(lambda noise: GOOD + noise))
@settings(deadline=None)
def test_any_bytes_are_read_or_explained(content: bytes) -> None:
    folder = Path("/plugins/x")
    with suppress(ManifestError):
        parse_manifest(decode_manifest(content, folder), folder)

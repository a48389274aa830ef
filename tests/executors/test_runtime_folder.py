"""Where the sockets of one user lie."""

import os
import socket
import stat
from pathlib import Path

import pytest

from synapse_core.errors import StorageError
from synapse_core.executors.runtime_folder import runtime_folder


def test_the_folder_lies_where_the_session_keeps_such_things(tmp_path: Path) -> None:
    folder = runtime_folder({"XDG_RUNTIME_DIR": str(tmp_path)}, max_bytes=500)

    assert folder.parent == tmp_path
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["a" * 90, "ä" * 45])
def test_a_socket_fits_into_the_folder_however_long_the_paths_of_the_user_are(
    tmp_path: Path, name: str
) -> None:
    base = tmp_path / name
    base.mkdir()

    folder = runtime_folder({"XDG_RUNTIME_DIR": str(base)})

    assert not folder.is_relative_to(base)
    path = folder / f"{os.getpid():016x}-test.sock"  # tests beside this one have the same folder
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    path.unlink()


def test_a_folder_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    folder = runtime_folder({"XDG_RUNTIME_DIR": str(tmp_path)}, max_bytes=500)
    folder.chmod(0o755)

    with pytest.raises(StorageError, match="not a private folder"):
        runtime_folder({"XDG_RUNTIME_DIR": str(tmp_path)}, max_bytes=500)

import os
import resource
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from synapse_core.config.atomic import lock_file, write_atomically
from synapse_core.errors import StorageError


def test_permissions_of_a_file_that_is_there_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text("old")
    file.chmod(0o664)

    write_atomically(file, b"new", mode=0o600)

    assert file.read_bytes() == b"new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o664


def test_a_link_stays_a_link_and_its_target_is_replaced(tmp_path: Path) -> None:
    target = tmp_path / "dotfiles" / "settings.json"
    target.parent.mkdir()
    target.write_text("old")
    link = tmp_path / "settings.json"
    link.symlink_to(target)

    write_atomically(link, b"new", mode=0o600)

    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_no_draft_is_left_behind_when_the_disk_is_full(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("old")
    # A ceiling on file sizes fails a write half-way, as a full disk does.
    code = f"""
import resource, signal
from pathlib import Path
from synapse_core.config.atomic import write_atomically
from synapse_core.errors import StorageError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, {resource.RLIM_INFINITY}))
try:
    write_atomically(Path({str(file)!r}), b"x" * 5000, mode=0o600)
except StorageError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=30
    )

    assert "Cannot write" in done.stdout
    assert "Nothing was changed" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]
    assert file.read_text() == "old"


def test_a_folder_that_may_not_be_written_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No such file"):
        write_atomically(tmp_path / "missing" / "file", b"", mode=0o600)


def test_the_lock_is_free_once_its_holder_was_killed(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    code = f"""
import signal
from pathlib import Path
from synapse_core.config.atomic import lock_file
with lock_file(Path({str(file)!r})):
    print("held", flush=True)
    signal.pause()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StorageError, match="Another process"), lock_file(file, timeout_s=0.05):
            pass
        os.kill(holder.pid, signal.SIGKILL)
    with lock_file(file, timeout_s=5):
        pass

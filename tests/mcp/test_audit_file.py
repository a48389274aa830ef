"""The file of the audit is whole, private and bounded."""

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from synapse_mcp.server.audit_file import AuditFile


def test_it_is_for_its_owner_only_and_each_entry_is_a_line(tmp_path: Path) -> None:
    file = AuditFile(tmp_path / "audit.jsonl")
    file.append({"tool": "a"})
    file.path.chmod(0o644)
    file.append({"tool": "b\n"})

    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert [json.loads(line) for line in file.path.read_text().splitlines()] == [
        {"tool": "a"},
        {"tool": "b\n"},
    ]


def test_it_never_grows_beyond_twice_its_size(tmp_path: Path) -> None:
    file = AuditFile(tmp_path / "audit.jsonl", max_bytes=1_000)

    for number in range(200):
        file.append({"number": number, "text": "x" * 50})

    kept = file.earlier.read_text().splitlines() + file.path.read_text().splitlines()
    numbers = [json.loads(line)["number"] for line in kept]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["audit.jsonl", "audit.jsonl.1"]
    assert all(path.stat().st_size <= 1_000 for path in tmp_path.iterdir())
    assert numbers == list(range(200 - len(numbers), 200))


def test_an_entry_larger_than_the_file_is_written_all_the_same(tmp_path: Path) -> None:
    file = AuditFile(tmp_path / "audit.jsonl", max_bytes=10)

    file.append({"text": "x" * 100})
    file.append({"text": "y" * 100})

    assert "y" * 100 in file.path.read_text()
    assert "x" * 100 in file.earlier.read_text()


def test_writers_that_come_at_once_lose_no_line_and_mix_none(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"

    def write(writer: int) -> None:
        for number in range(100):
            AuditFile(path, max_bytes=8_000).append({"writer": writer, "number": number})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))

    kept = "".join(file.read_text() for file in tmp_path.glob("audit.jsonl*"))
    told = [json.loads(line) for line in kept.splitlines()]
    assert len({(one["writer"], one["number"]) for one in told}) == len(told) == 400

"""The folders that nodes of a pipeline share, where workers do not see the home they lie in."""

import os
import threading
from pathlib import Path

import pytest

from synapse_core.clients.call import Call, run_path
from synapse_core.clients.sync_session import Session
from synapse_core.config.home import Home
from synapse_core.errors import (
    ConfigError,
    InvalidInputError,
    LeaseLostError,
    NotFoundError,
    SynapseError,
)
from synapse_core.model.run import Outcome, Run, RunStatus
from synapse_core.runs.away import AwayStore
from synapse_core.runs.away_folders import AwayFolders
from synapse_core.runs.folders_note import away_folders_base, find_folders_note
from synapse_core.runs.nodes import make_shared_folder, shared_folder
from synapse_core.runs.shared_files import list_shared_files
from synapse_core.worker.work import find_folders
from synapse_core.workspace import Workspace
from tests.executors.served import make_run

ME, OTHER = "elsewhere/boot/1:1:1", "elsewhere/boot/2:2:2"
DONE = Outcome(RunStatus.SUCCEEDED)


class Machine:
    """One that does not see the home, with the worker of one node after the other."""

    def __init__(self, root: Path, session: Session) -> None:
        self.home = Home(root)
        self.home.ensure()
        self.store = AwayStore(session, self.home)

    def begin(self, node: Run, worker: str = ME) -> Path:
        """Have a worker claim the node, and return the root of the folders that its action has."""
        run = self.store.claim(node.id, owner=worker, lease_s=15)
        assert run is not None
        folders = find_folders(run, self.home, is_away=True)
        assert folders is not None
        return folders.work_dir

    def end(self, node: Run, worker: str = ME) -> None:
        self.store.finish(node.id, DONE, owner=worker)


@pytest.fixture
def machine(tmp_path: Path, session: Session) -> Machine:
    return Machine(tmp_path / "machine", session)


@pytest.fixture
def other(tmp_path: Path, session: Session) -> Machine:
    return Machine(tmp_path / "other", session)


@pytest.fixture
def pipeline(workspace: Workspace) -> Run:
    return make_pipeline(workspace)


def make_pipeline(workspace: Workspace) -> Run:
    run = make_run(workspace)
    workspace.home.run_dir(run.id).mkdir(parents=True)
    make_shared_folder(workspace.home, run)
    return run


def make_node(workspace: Workspace, pipeline: Run) -> Run:
    return make_run(workspace, parent_id=pipeline.id)


def root_at_home(workspace: Workspace, pipeline: Run) -> Path:
    base, owner = shared_folder(workspace.home, pipeline.id)
    return base / owner


def write(root: Path, name: str, content: bytes = b"content") -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def contents(root: Path) -> dict[str, bytes]:
    return {file.path: (root / file.path).read_bytes() for file in list_shared_files(root)}


def test_a_node_finds_what_others_have_left_wherever_they_were(
    workspace: Workspace, machine: Machine, other: Machine, pipeline: Run
) -> None:
    home = root_at_home(workspace, pipeline)
    write(home, "datasets/at home.txt", b"1")
    first, second = make_node(workspace, pipeline), make_node(workspace, pipeline)

    there = machine.begin(first)
    assert contents(there) == {"datasets/at home.txt": b"1"}
    write(there, "models/größe.bin", b"x" * 20_000_000)
    write(there, "actions/train/run.sh", b"#!/bin/sh").chmod(0o755)
    write(there, "datasets/at home.txt", b"changed")
    (there / "link").symlink_to(there / "models" / "größe.bin")
    machine.end(first)

    expected = {
        "datasets/at home.txt": b"changed",
        "models/größe.bin": b"x" * 20_000_000,
        "actions/train/run.sh": b"#!/bin/sh",
        "link": b"x" * 20_000_000,
    }
    assert contents(home) == expected
    assert contents(other.begin(second)) == expected
    for root in (home, away_folders_base(other.home) / pipeline.id):
        assert os.access(root / "actions/train/run.sh", os.X_OK)
        assert not os.access(root / "link", os.X_OK)
    assert not list(workspace.home.run_dir(first.id).glob(".upload*"))


def test_they_lie_under_one_path_on_all_such_machines(
    workspace: Workspace, machine: Machine, pipeline: Run
) -> None:
    first, second = make_node(workspace, pipeline), make_node(workspace, pipeline)
    there = machine.begin(first)
    machine.end(first)

    assert machine.begin(second) == there == machine.home.root / "pipelines" / pipeline.id


def test_what_did_not_change_is_sent_neither_way(
    workspace: Workspace, machine: Machine, pipeline: Run
) -> None:
    home = root_at_home(workspace, pipeline)
    write(home, "a.txt")
    first, second = make_node(workspace, pipeline), make_node(workspace, pipeline)
    there = machine.begin(first)
    write(there, "b.txt")
    machine.end(first)
    before = {path: path.stat().st_ino for path in (home / "a.txt", home / "b.txt")}
    here = {path: path.stat().st_ino for path in (there / "a.txt", there / "b.txt")}

    machine.begin(second)
    machine.end(second)

    assert {path: path.stat().st_ino for path in before} == before
    assert {path: path.stat().st_ino for path in here} == here


def test_what_changes_at_home_meanwhile_is_fetched_and_what_changed_here_is_kept(
    workspace: Workspace, machine: Machine, pipeline: Run
) -> None:
    home = root_at_home(workspace, pipeline)
    write(home, "a.txt", b"old")
    write(home, "b.txt", b"old")
    first, second, third = (make_node(workspace, pipeline) for _ in range(3))
    there = machine.begin(first)
    machine.begin(second, OTHER)
    write(there, "a.txt", b"of the first, which goes on")
    write(home, "a.txt", b"new at home")
    write(home, "b.txt", b"new at home, too")

    machine.begin(third, "elsewhere/boot/3:3:3")

    assert contents(there) == {
        "a.txt": b"of the first, which goes on",
        "b.txt": b"new at home, too",
    }
    machine.end(second, OTHER)
    machine.end(first)
    assert contents(home) == contents(there)


def test_workers_of_one_machine_take_turns(
    workspace: Workspace, machine: Machine, pipeline: Run
) -> None:
    home = root_at_home(workspace, pipeline)
    for number in range(30):
        write(home, f"{number}.bin", os.urandom(100_000))
    nodes = [make_node(workspace, pipeline) for _ in range(6)]
    roots: list[Path] = []

    def work(number: int, node: Run) -> None:
        root = machine.begin(node, f"elsewhere/boot/{number}:1:1")
        roots.append(root)
        write(root, f"of {number}.txt", str(number).encode())
        machine.end(node, f"elsewhere/boot/{number}:1:1")

    workers = [
        threading.Thread(target=work, args=(number, node)) for number, node in enumerate(nodes)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(50)

    assert len(contents(home)) == 36
    assert contents(home) == contents(roots[0])


def test_what_leads_out_of_the_folders_is_passed_over(
    workspace: Workspace, machine: Machine, pipeline: Run, tmp_path: Path
) -> None:
    secret = write(tmp_path, "secret.txt")
    node = make_node(workspace, pipeline)
    there = machine.begin(node)
    (there / "out").symlink_to(secret)
    (there / "nowhere").symlink_to(tmp_path / "missing")
    os.mkfifo(there / "pipe")
    write(there, "fine.txt")
    write(there, " odd ")  # which no machine takes under this name
    machine.end(node)

    assert contents(root_at_home(workspace, pipeline)) == {"fine.txt": b"content"}


def test_what_one_machine_alone_can_have_keeps_no_node_from_beginning(
    workspace: Workspace, machine: Machine, pipeline: Run, tmp_path: Path
) -> None:
    home = root_at_home(workspace, pipeline)
    write(home, "odd\nname")
    write(home, "fine.txt")
    write(home, "linked/outside.txt")
    copy = away_folders_base(machine.home) / pipeline.id
    copy.mkdir(parents=True)
    (copy / "linked").symlink_to(tmp_path)

    there = machine.begin(make_node(workspace, pipeline))

    assert contents(there) == {"fine.txt": b"content"}
    assert not (tmp_path / "outside.txt").exists()


def test_what_there_is_no_room_for_is_told_to_who_asks_for_it(
    workspace: Workspace, machine: Machine, pipeline: Run
) -> None:
    write(root_at_home(workspace, pipeline), "models/large.bin")
    write(away_folders_base(machine.home) / pipeline.id, "models")  # a file where a folder belongs
    node = make_node(workspace, pipeline)

    run = machine.store.claim(node.id, owner=ME, lease_s=15)

    assert run is not None
    folders = find_folders(run, machine.home, is_away=True)
    assert folders is not None
    with pytest.raises(ConfigError, match=r"share are not on .*models"):
        _ = folders.models_dir
    machine.end(node)


def test_copies_go_with_their_pipeline(
    workspace: Workspace, machine: Machine, session: Session, pipeline: Run
) -> None:
    node, using = make_node(workspace, pipeline), make_node(workspace, pipeline)
    copy = machine.begin(node)
    machine.end(node)
    folders = AwayFolders(session, machine.home)
    folders.remove_unused()
    assert copy.is_dir()  # the pipeline goes on

    machine.begin(using)
    workspace.runs.finish(pipeline.id, DONE, owner=None)
    folders.remove_unused()
    assert copy.is_dir()  # a node has it

    for run in (node, using):
        note = machine.home.run_dir(run.id)
        assert find_folders_note(machine.home, run.id) is not None
        (note / "folders.json").unlink()
    folders.remove_unused()
    assert sorted(entry.name for entry in copy.parent.iterdir()) == [".all.lock"]


def test_a_run_of_its_own_shares_nothing(workspace: Workspace, machine: Machine) -> None:
    run = make_run(workspace)
    machine.store.claim(run.id, owner=ME, lease_s=15)
    machine.end(run)

    assert not away_folders_base(machine.home).exists()


def ask(session: Session, run: Run, *path: str, **more: str | bytes | int) -> object:
    content = more.pop("content", None)
    call = Call(
        method="GET" if content is None else "PUT",
        path=run_path(run.id, "shared-files", *path),
        query={name: str(value) for name, value in more.items()},
        content=content if isinstance(content, bytes) else None,
        media_type="application/octet-stream",
    )
    if content is None and path:
        return b"".join(session.download(call))
    return session.call(call)


@pytest.mark.parametrize(
    ("path", "more", "refused"),
    [
        ((), {}, NotFoundError),
        (("missing.txt",), {}, NotFoundError),
        (("..", "..", "service-token"), {}, SynapseError),
        (("out",), {}, NotFoundError),
        (("a.txt",), {"content": b"", "owner": OTHER}, LeaseLostError),
        (("a.txt",), {"content": b"", "owner": ME, "mtime_ns": "soon"}, InvalidInputError),
        (("a.txt",), {"content": b"", "owner": ME, "mtime_ns": 1 << 63}, InvalidInputError),
        (("..", "a.txt"), {"content": b"", "owner": ME, "sha256": "a" * 64}, SynapseError),
        (("a.txt",), {"content": b"1", "owner": ME, "sha256": "a" * 64}, InvalidInputError),
    ],
)
def test_what_cannot_be_is_refused(
    workspace: Workspace,
    session: Session,
    pipeline: Run,
    path: tuple[str, ...],
    more: dict[str, str | bytes | int],
    refused: type[SynapseError],
) -> None:
    node = make_node(workspace, pipeline) if path else make_run(workspace)
    workspace.runs.claim(node.id, owner=ME, lease_s=15)
    home = root_at_home(workspace, pipeline)
    home.mkdir()
    (home / "out").symlink_to(write(workspace.home.root, "private.txt"))

    with pytest.raises(refused):
        ask(session, node, *path, **more)

    assert contents(home) == {}


def test_a_parent_that_is_no_run_leads_nowhere(workspace: Workspace, session: Session) -> None:
    node = make_run(workspace, parent_id="../../../etc")

    with pytest.raises(NotFoundError):
        ask(session, node)

"""Workers that do not see the home of their runs, and the service that does."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from synapse_core.clients.call import Call, run_path
from synapse_core.clients.sync_session import Session
from synapse_core.config.home import Home
from synapse_core.errors import (
    ConflictError,
    InvalidInputError,
    LeaseLostError,
    PathRefusedError,
    StoreUnavailableError,
    SynapseError,
)
from synapse_core.executors.ray.cluster.settling import vouch
from synapse_core.executors.ray.node.away_runs import AwayRuns
from synapse_core.executors.ray.node.homecoming import bring_home
from synapse_core.model.event import EventKind
from synapse_core.model.run import Outcome, Run, RunEnd, RunStatus, RunSummary
from synapse_core.ports import ClaimedRuns, RunStore
from synapse_core.runs.away import AWAY_LEASE_S, AwayStore, away_session
from synapse_core.runs.journal import JournalWriter
from synapse_core.runs.processes import this_worker
from synapse_core.runs.unsent import find_leftovers, find_note
from synapse_core.service.limits import Limits
from synapse_core.testing.contracts.claimed_runs import ClaimedRunsContract
from synapse_core.testing.service import READ_TOKEN, RUN_TOKEN, serving
from synapse_core.workspace import Workspace
from tests.executors.served import make_run

ME = "elsewhere/boot/1:1:1"
LIVING = str(this_worker())


@pytest.fixture
def away(tmp_path: Path) -> Home:
    """The home of the worker's machine."""
    home = Home(tmp_path / "away")
    home.ensure()
    return home


@pytest.fixture
def store(session: Session, away: Home) -> AwayStore:
    return AwayStore(session, away)


def claim(store: AwayStore, run: Run, owner: str = ME) -> Run:
    claimed = store.claim(run.id, owner=owner, lease_s=15)
    assert claimed is not None
    return claimed


def say(home: Home, run: Run, *words: str) -> None:
    home.run_dir(run.id).mkdir(parents=True, exist_ok=True)
    with JournalWriter.open(home.journal(run.id)) as writer:
        for word in words:
            writer.emit(EventKind.LOG, {"level": "info", "message": word})


def said(workspace: Workspace, run: Run) -> list[str]:
    events = workspace.journals.read(run.id, limit=1000).items
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    return [str(event.data["message"]) for event in events if event.kind is EventKind.LOG]


def save(home: Home, run: Run, name: str, content: bytes) -> None:
    path = home.artifacts(run.id) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    with JournalWriter.open(home.journal(run.id)) as writer:
        writer.emit(
            EventKind.ARTIFACT,
            {
                "name": name,
                "path": f"artifacts/{name}",
                "size_bytes": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
                "media_type": "text/plain",
            },
        )


def test_whoever_learns_that_a_run_has_ended_finds_all_of_it(
    workspace: Workspace, store: AwayStore, away: Home
) -> None:
    run = make_run(workspace)
    claim(store, run)
    say(away, run, "one", "two")
    save(away, run, "plots/loss.png", b"x" * 10_000_000)

    store.finish(run.id, Outcome(RunStatus.SUCCEEDED, 1), owner=ME)

    assert workspace.runs.get(run.id).status is RunStatus.SUCCEEDED
    assert said(workspace, run) == ["one", "two"]
    saved = workspace.home.artifacts(run.id) / "plots/loss.png"
    assert saved.read_bytes() == b"x" * 10_000_000
    assert not list(workspace.home.run_dir(run.id).glob(".upload*"))


def test_a_network_may_be_gone_for_longer_than_a_lease_at_home(
    workspace: Workspace, store: AwayStore
) -> None:
    run = make_run(workspace)
    claim(store, run)
    store.heartbeat(run.id, owner=ME, lease_s=15)

    lapses = workspace.runs.get(run.id).lease_expires_at
    assert lapses is not None
    assert lapses - time.time() > AWAY_LEASE_S - 5


def test_a_service_that_has_too_much_to_do_costs_no_run(workspace: Workspace, away: Home) -> None:
    run, other = make_run(workspace), make_run(workspace)
    limits = Limits(requests_per_s=1.0, burst=2)
    with serving(workspace, limits=limits) as url, away_session(url, RUN_TOKEN) as session:
        store = AwayStore(session, away)
        claim(store, run)
        store.heartbeat(run.id, owner=ME, lease_s=15)
        with pytest.raises(StoreUnavailableError, match="Too many requests"):
            store.heartbeat(run.id, owner=ME, lease_s=15)
        claim(store, other)  # which waits for its turn


def test_another_attempt_has_what_the_first_one_said(
    workspace: Workspace, store: AwayStore, away: Home, session: Session, tmp_path: Path
) -> None:
    run = make_run(workspace, retries=1)
    claim(store, run)
    say(away, run, "first")
    assert store.release(run.id, expected_owner=ME)

    elsewhere = Home(tmp_path / "elsewhere")
    other = AwayStore(session, elsewhere)
    assert claim(other, run, "other/boot/1:2:2").attempt == 2
    say(elsewhere, run, "second")
    other.finish(run.id, Outcome(RunStatus.SUCCEEDED), owner="other/boot/1:2:2")

    assert said(workspace, run) == ["first", "second"]
    assert elsewhere.journal(run.id).read_bytes() == workspace.home.journal(run.id).read_bytes()


def test_a_run_that_resumes_another_has_its_journal(
    workspace: Workspace, store: AwayStore, away: Home
) -> None:
    earlier = make_run(workspace)
    workspace.home.run_dir(earlier.id).mkdir(parents=True)
    say(workspace.home, earlier, "step one is done")
    run = make_run(workspace, resume=True, rerun_of=earlier.id)

    claim(store, run)

    assert away.journal(earlier.id).read_bytes() == workspace.home.journal(earlier.id).read_bytes()


def test_a_worker_that_leaves_is_not_waited_for(
    workspace: Workspace, store: AwayStore, away: Home
) -> None:
    run = make_run(workspace)
    claim(store, run)
    say(away, run, "the last word")

    store.leave(run.id, ME)

    left = workspace.runs.get(run.id)
    assert (left.lease_expires_at or 0) <= time.time()
    assert said(workspace, run) == ["the last word"]
    vouch(workspace.runs, run.id)
    assert workspace.runs.get(run.id).lease_expires_at == left.lease_expires_at


def test_a_worker_that_is_cut_off_is_vouched_for(workspace: Workspace) -> None:
    run = make_run(workspace)
    vouch(workspace.runs, run.id)  # nobody owns it yet
    workspace.runs.claim(run.id, owner=ME, lease_s=5)

    vouch(workspace.runs, run.id)

    assert (workspace.runs.get(run.id).lease_expires_at or 0) - time.time() > 20
    vouch(workspace.runs, "20200101-000000-aaaaaaaa")  # somebody removed it


class TestRunsOfAService(ClaimedRunsContract):
    @pytest.fixture
    def claiming(
        self, workspace: Workspace, store: AwayStore, away: Home
    ) -> tuple[RunStore, ClaimedRuns]:
        return workspace.runs, AwayRuns(store, away, "/sent/p")


def claimed(runs: AwayRuns, run: Run) -> list[Run]:
    return runs.claim([run.id], owner=ME, lease_s=15)


def end_of(run: Run) -> RunEnd:
    return RunEnd(run.id, Outcome(RunStatus.SUCCEEDED, 1), RunSummary())


def test_a_process_that_stays_has_the_plugin_of_its_machine_and_keeps_nothing_of_a_run(
    workspace: Workspace, store: AwayStore, away: Home
) -> None:
    runs, run = AwayRuns(store, away, "/sent/p"), make_run(workspace)
    (mine,) = claimed(runs, run)
    say(away, run, "one")

    (ended,) = runs.finish([end_of(run)], owner=ME)

    assert mine.plugin_path == "/sent/p"
    assert ended.status is RunStatus.SUCCEEDED
    assert said(workspace, run) == ["one"]
    assert not away.run_dir(run.id).exists()
    assert claimed(runs, run) == []


def test_a_run_whose_claim_was_not_answered_is_executed_all_the_same(
    workspace: Workspace, store: AwayStore
) -> None:
    run = make_run(workspace)
    workspace.runs.claim(run.id, owner=ME, lease_s=15)  # of which the answer was lost

    assert claim(store, run).attempt == 1
    assert store.claim(run.id, owner="other/boot/1:2:2", lease_s=15) is None


def test_a_run_that_is_somebody_elses_by_now_stays_on_the_machine(
    workspace: Workspace, store: AwayStore, away: Home
) -> None:
    runs, run = AwayRuns(store, away, "/sent/p"), make_run(workspace)
    claimed(runs, run)
    say(away, run, "one")
    workspace.runs.take_over(run.id, expected_owner=ME, owner="other/boot/1:2:2", lease_s=15)

    assert runs.finish([end_of(run)], owner=ME) == []

    left = find_note(away, run.id)
    assert left is not None
    assert left.owner == ME


def test_a_run_whose_end_cannot_be_told_stays_on_the_machine(
    workspace: Workspace, away: Home
) -> None:
    run = make_run(workspace)
    with away_session("http://127.0.0.1:9", RUN_TOKEN) as session:
        runs = AwayRuns(AwayStore(session, away), away, "/sent/p", patience_s=0.1)
        say(away, run, "one")
        with pytest.raises(StoreUnavailableError):
            runs.finish([end_of(run)], owner=ME)

    assert away.journal(run.id).exists()


_ELSEWHERE = ["unshare", "--uts", "--map-root-user"] if os.getuid() else ["unshare", "--uts"]
_CAN_BE_ELSEWHERE = (
    shutil.which("unshare") is not None
    and subprocess.run(
        [*_ELSEWHERE, "hostname", "elsewhere"], capture_output=True, check=False
    ).returncode
    == 0
)
elsewhere = pytest.mark.skipif(
    not _CAN_BE_ELSEWHERE, reason="needs a user who may give a process another name of its machine"
)

WORK = """
import os, signal, sys
from pathlib import Path
from synapse_core.config.home import Home
from synapse_core.model.event import EventKind
from synapse_core.runs.away import AwayStore, away_session
from synapse_core.runs.journal import JournalWriter
from synapse_core.runs.processes import this_worker

url, token, root, run_id = sys.argv[1:]
home, owner = Home(Path(root)), str(this_worker())
AwayStore(away_session(url, token), home).claim(run_id, owner=owner, lease_s=15)
with JournalWriter.open(home.journal(run_id)) as writer:
    for word in ("one", "two"):
        writer.emit(EventKind.LOG, {"level": "info", "message": word})
home.output(run_id).write_bytes(b"printed")
os.kill(os.getpid(), signal.SIGKILL)
"""

COLLECT = """
import sys
from pathlib import Path
from synapse_core.config.home import Home
from synapse_core.executors.ray.node.homecoming import collect_leftovers
from synapse_core.runs.away import away_session

url, token, root = sys.argv[1:]
collect_leftovers(Home(Path(root)), away_session(url, token))
"""


def on_another_machine(code: str, *words: str) -> int:
    """Run the code where processes of this machine are not known, nor known here."""
    script = 'hostname elsewhere && exec "$@"'
    command = [*_ELSEWHERE, "sh", "-c", script, "sh", sys.executable, "-c", code, *words]
    return subprocess.run(command, check=False, timeout=50).returncode


def die_over(url: str, away: Home, run: Run) -> None:
    code = on_another_machine(WORK, url, RUN_TOKEN, str(away.root), run.id)
    assert code == -signal.SIGKILL


def collect(url: str, away: Home) -> None:
    assert on_another_machine(COLLECT, url, RUN_TOKEN, str(away.root)) == 0


@elsewhere
@pytest.mark.parametrize("retries", [0, 1])
def test_a_run_whose_worker_was_killed_is_settled_where_it_was(
    workspace: Workspace, url: str, away: Home, retries: int
) -> None:
    run = make_run(workspace, retries=retries)
    die_over(url, away, run)

    collect(url, away)

    status = RunStatus.PENDING if retries else RunStatus.FAILED
    assert workspace.runs.get(run.id).status is status
    assert said(workspace, run) == ["one", "two", "printed"]
    assert not away.run_dir(run.id).exists()


@elsewhere
def test_what_was_settled_without_its_last_events_keeps_them_on_the_machine(
    workspace: Workspace, url: str, away: Home
) -> None:
    run = make_run(workspace)
    die_over(url, away, run)
    owner = workspace.runs.get(run.id).owner
    workspace.runs.finish(run.id, Outcome(RunStatus.CANCELLED), owner=owner)
    assert len(list(find_leftovers(away))) == 1

    collect(url, away)

    assert list(find_leftovers(away)) == []
    refused = json.loads((away.run_dir(run.id) / "shipping.refused.json").read_text())
    assert refused["code"] == "lease_lost"
    assert b"two" in away.journal(run.id).read_bytes()


@elsewhere
def test_another_worker_keeps_its_folder(
    workspace: Workspace, url: str, session: Session, away: Home
) -> None:
    run = make_run(workspace)
    die_over(url, away, run)
    left = find_note(away, run.id)
    owner = workspace.runs.get(run.id).owner
    assert left is not None
    assert owner is not None
    # This very process is alive, and has the run by now.
    workspace.runs.take_over(run.id, expected_owner=owner, owner=LIVING, lease_s=60)

    with pytest.raises(SynapseError, match="could not be settled"):
        bring_home(away, session, left, patience_s=0.1)

    assert away.journal(run.id).exists()


def put_piece(session: Session, run: Run, name: str, **query: str | float) -> bool:
    content = b"content"
    call = Call(
        method="PUT",
        path=run_path(run.id, "artifacts", *name.split("/")),
        query={
            "owner": ME,
            "offset": 0,
            "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            **query,
        },
        content=content,
        media_type="application/octet-stream",
    )
    return bool(session.call(call)["done"])


def test_pieces_of_a_file_may_come_twice(
    workspace: Workspace, store: AwayStore, session: Session
) -> None:
    run = make_run(workspace)
    claim(store, run)
    whole = b"content" * 3
    told: dict[str, str | float] = {"size": 21, "sha256": hashlib.sha256(whole).hexdigest()}

    assert not put_piece(session, run, "a.bin", offset=0, **told)
    assert not put_piece(session, run, "a.bin", offset=0, **told)
    with pytest.raises(ConflictError) as missing:
        put_piece(session, run, "a.bin", offset=14, **told)
    assert missing.value.data["expected_offset"] == 7
    assert not put_piece(session, run, "a.bin", offset=7, **told)
    assert put_piece(session, run, "a.bin", offset=14, **told)
    assert put_piece(session, run, "a.bin", offset=14, **told)

    assert (workspace.home.artifacts(run.id) / "a.bin").read_bytes() == whole


@pytest.mark.parametrize(
    ("name", "query", "error"),
    [
        ("a.bin", {"sha256": "0" * 64}, InvalidInputError),
        ("a.bin", {"sha256": "../../evil"}, InvalidInputError),
        ("a.bin", {"size": 3}, InvalidInputError),
        ("a.bin", {"owner": "somebody"}, LeaseLostError),
        ("C:evil", {}, PathRefusedError),
        ("a\\b", {}, PathRefusedError),
    ],
)
def test_files_that_are_not_as_announced_are_refused(
    workspace: Workspace,
    store: AwayStore,
    session: Session,
    name: str,
    query: dict[str, str | float],
    error: type[SynapseError],
) -> None:
    run = make_run(workspace)
    claim(store, run)

    with pytest.raises(error):
        put_piece(session, run, name, **query)

    assert [p for p in workspace.home.run_dir(run.id).rglob("*") if p.is_file()] == []


def test_who_may_only_read_sends_no_files_and_gets_no_journal(
    workspace: Workspace, store: AwayStore, url: str
) -> None:
    run = make_run(workspace)
    claim(store, run)

    with Session(url, READ_TOKEN) as reader:
        with pytest.raises(SynapseError, match="scope run"):
            put_piece(reader, run, "a.bin")
        with pytest.raises(SynapseError, match="scope run"):
            list(reader.download(Call(method="GET", path=run_path(run.id, "journal"))))

"""A service whose runs are in PostgreSQL: workers and conductors find them there."""

import signal
import stat
import subprocess
import sys
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from synapse_core.clients.sync_service import PipelineServiceClient
from synapse_core.config.home import Home
from synapse_core.config.store_place import recorded_store
from synapse_core.errors import ConfigError, ConflictError, StoreUnavailableError
from synapse_core.model.run import RunKind, RunStatus
from synapse_core.operations.doctor.findings import FindingLevel
from synapse_core.operations.doctor.runtime import check_store
from synapse_core.operations.doctor.verbs import examine
from synapse_core.operations.stores import choose_store, where_runs_are
from synapse_core.runs.store.postgres import PostgresRunStore
from synapse_core.runs.store.sqlite import SqliteRunStore
from synapse_core.testing.contracts.runs import ALL, MINE, SUCCESS, a_run, start
from tests.postgres import PASSWORD, PostgresServer, postgres_server, postgres_url

__all__ = ["postgres_server", "postgres_url"]

pytestmark = pytest.mark.xdist_group("postgres")

TOKEN = "t" * 20
_CONFIG = """
name: Counter
code: counter
version: 1.0.0
actions:
  add: {entrypoint: "counter:add"}
  wait: {entrypoint: "counter:wait"}
pipelines:
  twice: {nodes: {first: {action: add}, second: {action: add, inputs: {number: "${first.number}"}}}}
"""
_CODE = """
import time
from pathlib import Path
from synapse_core import action

@action
def add(number: int = 0) -> dict[str, int]:
    return {"number": number + 1}

@action
def wait(file: str) -> None:
    print("waiting", flush=True)
    while not Path(file).exists():
        time.sleep(0.02)
    print("through", flush=True)
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.ensure()
    return home


@contextmanager
def served(home: Home, *words: str, **environ: str) -> Generator[tuple[str, str]]:
    """Run `synapse serve`; give its address, and what else it says."""
    plugin = home.root.parent / "plugins" / "counter"
    plugin.mkdir(parents=True, exist_ok=True)
    (plugin / "config.yaml").write_text(_CONFIG)
    (plugin / "counter.py").write_text(_CODE)
    with subprocess.Popen(
        [sys.executable, "-m", "synapse_mcp.cli", "serve", "--port", "0", *words],
        stderr=subprocess.PIPE,
        text=True,
        env={"SYNAPSE_HOME": str(home.root), "SYNAPSE_SERVICE_TOKEN": TOKEN, **environ},
        cwd=plugin.parent,
    ) as server:
        assert server.stderr is not None
        first = server.stderr.readline()
        try:
            yield first.split(" at ")[1].split(";")[0], server.stderr.readline()
        finally:
            server.send_signal(signal.SIGTERM)
            server.communicate(timeout=30)


def test_workers_and_conductors_keep_their_runs_where_the_service_does(
    home: Home, postgres_url: str
) -> None:
    with (
        served(home, SYNAPSE_STORE=postgres_url) as (url, said),
        PipelineServiceClient(url, TOKEN) as client,
    ):
        assert "Runs are kept in postgresql://synapse@127.0.0.1" in said
        assert PASSWORD not in said
        run = client.wait_run(client.start_run("counter", "add", {"number": 4}).id)
        whole = client.wait_run(client.start_run("counter", "twice", {"number": 1}).id)

    assert run.result == {"number": 5}
    assert whole.status is RunStatus.SUCCEEDED
    assert not home.database.exists()
    assert stat.S_IMODE(home.store_file.stat().st_mode) == 0o600
    with closing(PostgresRunStore(postgres_url)) as store:
        assert [one.kind for one in store.list(ALL).items] == [RunKind.PIPELINE, RunKind.ACTION]
    # Another command of the same home finds them as well.
    shown = subprocess.run(
        [sys.executable, "-m", "synapse_mcp.cli", "run", "list", "--json"],
        capture_output=True,
        text=True,
        env={"SYNAPSE_HOME": str(home.root)},
        check=True,
    ).stdout
    assert run.id in shown


def test_a_run_outlives_a_database_that_goes_away(
    home: Home, postgres_url: str, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    with (
        served(home, SYNAPSE_STORE=postgres_url) as (url, _),
        PipelineServiceClient(url, TOKEN, patience_s=20) as client,
    ):
        run = client.start_run("counter", "wait", {"file": str(gate)})
        events = client.stream_events(run.id)
        while next(events)[0].data.get("message") != "waiting":
            pass
        postgres_server.stop(kill=True)
        gate.touch()
        while next(events)[0].data.get("message") != "through":
            pass
        postgres_server.start()
        ended = client.wait_run(run.id)
        logs, _ = client.read_logs(run.id)

    assert ended.status is RunStatus.SUCCEEDED
    assert [line for line in logs if line in {"waiting", "through"}] == ["waiting", "through"]


def test_a_store_is_chosen_and_left_again(home: Home, postgres_url: str) -> None:
    choose_store(home, postgres_url, {})
    assert PASSWORD not in where_runs_are(home)
    assert recorded_store(home) == postgres_url

    choose_store(home, None, {})
    assert recorded_store(home) == postgres_url

    choose_store(home, "sqlite", {"SYNAPSE_STORE": postgres_url})
    assert recorded_store(home) is None
    assert where_runs_are(home) == str(home.database)


def test_a_store_is_not_left_while_it_has_active_runs(home: Home, postgres_url: str) -> None:
    with closing(SqliteRunStore(home.database)) as store:
        run = start(store)
        with pytest.raises(ConflictError, match="1 runs have not ended"):
            choose_store(home, postgres_url, {})
        store.finish(run.id, SUCCESS, owner=MINE)

    choose_store(home, postgres_url, {})
    assert recorded_store(home) == postgres_url


def test_a_store_that_cannot_be_used_is_not_chosen(home: Home) -> None:
    with pytest.raises(StoreUnavailableError):
        choose_store(home, "postgresql://synapse:secret@127.0.0.1:9/runs", {})
    with pytest.raises(ConfigError) as caught:
        choose_store(home, "mysql://synapse:secret@127.0.0.1:9/runs", {})

    assert "secret" not in f"{caught.value} {caught.value.hint} {caught.value.data}"
    assert recorded_store(home) is None


def test_a_dead_store_can_be_left(home: Home) -> None:
    home.store_file.write_text("postgresql://synapse:secret@127.0.0.1:9/runs\n")

    choose_store(home, "sqlite", {})

    assert recorded_store(home) is None
    with closing(SqliteRunStore(home.database)) as store:
        assert store.create(a_run()) == a_run()


def test_the_doctor_looks_at_the_database(home: Home, postgres_url: str) -> None:
    choose_store(home, postgres_url, {})
    (fine,) = check_store(home)
    assert fine.level is FindingLevel.OK
    assert PASSWORD not in fine.message

    home.store_file.write_text("postgresql://synapse:secret@127.0.0.1:9/runs\n")
    stores = [one for one in examine(home, [], environ={}).findings if one.check == "store"]
    assert [one.level for one in stores] == [FindingLevel.ERROR]
    assert "Start the server" in stores[0].fix

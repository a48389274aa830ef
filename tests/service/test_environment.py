"""Commands and operations in an environment that names a service."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from synapse_core.config.environments import Environment
from synapse_core.config.home import Home
from synapse_core.errors import ConflictError, StorageError, StoreUnavailableError
from synapse_core.model.run import ArtifactInfo, RunFilter, RunStatus
from synapse_core.operations.environments import add_environment, use_environment
from synapse_core.operations.fetching import fetch_output
from synapse_core.operations.history import delete_runs
from synapse_core.operations.logs import LogQuery, follow_logs, read_logs
from synapse_core.operations.outputs import preview_output
from synapse_core.operations.runs import (
    StartRun,
    cancel_run,
    get_run,
    list_runs,
    rerun,
    start_run,
    wait_run,
)
from synapse_core.ports import RunService
from synapse_core.testing.service import ADMIN_TOKEN, RUN_TOKEN, serving
from synapse_core.workspace import Workspace, open_workspace
from synapse_mcp.cli.__main__ import run as run_command

_CONFIG = """
name: Talker
code: talker
version: 1.0.0
category: custom
actions:
  talk:
    entrypoint: talker:talk
"""
_CODE = """
import time
from pydantic import BaseModel
from synapse_core import action

class Params(BaseModel):
    words: int = 3
    pause_s: float = 0

@action(name="talk")
def talk(params: Params, context):
    for number in range(params.words):
        print("word", number, flush=True)
        time.sleep(params.pause_s)
    context.save_artifact("one\\ntwo\\n", "words.txt")
    return {"words": params.words}
"""


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    plugin = tmp_path / "plugins" / "talker"
    plugin.mkdir(parents=True)
    (plugin / "config.yaml").write_text(_CONFIG)
    (plugin / "talker.py").write_text(_CODE)
    with (
        open_workspace(tmp_path / "far", (tmp_path / "plugins",), environ={}) as workspace,
        serving(workspace) as url,
    ):
        yield url


@pytest.fixture
def here(tmp_path: Path, url: str) -> Iterator[Workspace]:
    environment = Environment(name="prod", service_url=url, token_variable="TOKEN")
    environ = {"TOKEN": ADMIN_TOKEN}
    with open_workspace(tmp_path / "near", (), environ=environ, environment=environment) as opened:
        yield opened


def test_runs_start_and_end_on_the_machine_of_the_service(here: Workspace) -> None:
    request = StartRun(plugin="talker", action="talk", params={"words": 2})
    assert start_run(here, StartRun(plugin="talker", action="talk", dry_run=True)).result is None
    started = start_run(here, request)
    ended = wait_run(here, started.id, timeout_s=30)

    assert (ended.status, ended.result) == (RunStatus.SUCCEEDED, {"words": 2})
    assert [run.id for run in list_runs(here, RunFilter()).items] == [started.id]
    assert not here.home.database.exists()
    assert list(here.home.runs_dir.iterdir()) == []
    page = read_logs(here, started.id, LogQuery())
    assert [line.text for line in page.lines if line.source == "stdout"] == ["word 0", "word 1"]
    assert page.eof
    assert page.total_bytes > 0
    assert wait_run(here, rerun(here, started.id).id, timeout_s=30).result == {"words": 2}


def test_files_come_here_when_somebody_asks_for_them(here: Workspace) -> None:
    run = start_run(here, StartRun(plugin="talker", action="talk"))
    wait_run(here, run.id, timeout_s=30)
    first = preview_output(here, run.id, "words.txt")
    again = preview_output(here, run.id, "words.txt")

    assert first.text == again.text == "one\ntwo"
    assert first.path.is_relative_to(here.home.cache_dir)


def test_a_run_is_followed_and_stopped_from_here(here: Workspace) -> None:
    params: dict[str, Any] = {"words": 1000, "pause_s": 0.05}
    run = start_run(here, StartRun(plugin="talker", action="talk", params=params))
    lines = follow_logs(here, run.id, LogQuery())
    while next(lines).text != "word 1":
        pass
    with pytest.raises(ConflictError):
        delete_runs(here, [run.id])
    ended = cancel_run(here, run.id, force=True, wait_s=20)

    assert ended.status is RunStatus.CANCELLED
    assert [line.text for line in lines][-1].startswith("cancelled")
    assert delete_runs(here, [run.id]).freed_bytes > 0
    assert list_runs(here, RunFilter()).items == ()


class Liar:
    """A service that sends other bytes than it promised."""

    url = "http://liar"

    def fetch(self, run_id: str, artifact: ArtifactInfo, to: Path) -> None:
        del run_id, artifact
        to.parent.mkdir(parents=True)
        to.write_bytes(b"something else")


@pytest.mark.parametrize("name", ["file.txt", "../../../etc/passwd", "/etc/passwd"])
def test_what_a_service_sends_is_looked_at(tmp_path: Path, name: str) -> None:
    liar: RunService = Liar()  # type: ignore[assignment]  # it can do no more than this
    artifact = ArtifactInfo(name, f"artifacts/{name}", 3, "0" * 64)

    with pytest.raises((StorageError, PermissionError)):
        fetch_output(Home(tmp_path), liar, "20260101-000000-00000001", artifact)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_commands_ask_the_service_of_the_active_environment(
    tmp_path: Path,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    home = Home(tmp_path / "near")
    monkeypatch.setenv("SYNAPSE_HOME", str(home.root))
    add_environment(home, Environment(name="prod", service_url=url, token=RUN_TOKEN))

    assert run_command(["run", "start", "talker", "talk", "--wait", "--json"]) == 0
    run_id = json.loads(capsys.readouterr().out)["id"]
    assert run_command(["run", "list", "--json"]) == 0
    assert [run["id"] for run in json.loads(capsys.readouterr().out)["runs"]] == [run_id]
    assert run_command(["run", "logs", "last"]) == 0
    assert "word 2" in capsys.readouterr().out
    assert run_command(["run", "outputs", "last", "words.txt"]) == 0
    assert capsys.readouterr().out == "one\ntwo\n"
    assert run_command(["run", "prune", "--all", "--yes"]) == 4  # its token may start runs only
    assert "admin" in capsys.readouterr().err
    use_environment(home, None)
    assert run_command(["run", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"] == []


def test_plugins_of_the_service_are_told_when_they_are_asked_for(
    tmp_path: Path,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    home = Home(tmp_path / "near")
    monkeypatch.setenv("SYNAPSE_HOME", str(home.root))
    monkeypatch.chdir(tmp_path / "plugins")
    add_environment(home, Environment(name="prod", service_url=url, token=RUN_TOKEN))

    assert run_command(["plugin", "list", "--service"]) == 0
    assert "talker  1.0.0    custom    talk" in capsys.readouterr().out
    assert run_command(["plugin", "describe", "talker", "--service"]) == 0
    assert str(tmp_path) not in capsys.readouterr().out
    assert run_command(["plugin", "describe", "talker", "talk", "--service"]) == 0
    assert "synapse run start talker talk --params" in capsys.readouterr().out
    assert run_command(["plugin", "describe", ".", "--service"]) != 0
    assert "no plugin at" in capsys.readouterr().err
    use_environment(home, None)
    assert run_command(["plugin", "list", "--service"]) != 0
    assert "names no service" in capsys.readouterr().err


def test_a_service_that_is_away_is_told_with_its_address(tmp_path: Path) -> None:
    environment = Environment(name="prod", service_url="http://127.0.0.1:9", token="t" * 16)
    with (
        open_workspace(tmp_path, (), environ={}, environment=environment) as workspace,
        pytest.raises(StoreUnavailableError, match=r"http://127\.0\.0\.1:9"),
    ):
        get_run(workspace, "20260101-000000-00000001")


def test_the_command_serves_until_it_is_told_to_end(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "synapse_mcp.cli", "serve", "--port", "0"]
    environ = {"SYNAPSE_HOME": str(tmp_path), "PATH": ""}
    with subprocess.Popen(
        words, stderr=subprocess.PIPE, text=True, env=environ, cwd=tmp_path
    ) as server:
        assert server.stderr is not None
        line = server.stderr.readline()
        url = line.split(" at ")[1].split(";")[0]
        token = (tmp_path / "service-token").read_text().strip()
        environment = Environment(name="prod", service_url=url, token=token)
        near = tmp_path / "near"
        with open_workspace(near, (), environ={}, environment=environment) as workspace:
            assert list_runs(workspace, RunFilter()).items == ()
        server.send_signal(signal.SIGTERM)

        assert server.wait(20) in {0, -signal.SIGTERM}
    assert (tmp_path / "service-token").stat().st_mode & 0o777 == 0o600

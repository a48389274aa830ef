"""Pipelines through a service: started, followed, resumed, and their nodes looked at."""

import asyncio
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import httpx2
import pytest

from synapse_core.clients.async_service import AsyncPipelineServiceClient
from synapse_core.clients.sync_service import PipelineServiceClient
from synapse_core.config.environments import Environment
from synapse_core.config.home import Home
from synapse_core.errors import (
    InvalidInputError,
    NotFoundError,
    ParamsError,
    PipelineNotFoundError,
    RefusedError,
    RunNotFoundError,
)
from synapse_core.model.pipeline_progress import PipelineProgress
from synapse_core.model.run import Run, RunStatus
from synapse_core.operations.environments import add_environment
from synapse_core.service.limits import Limits
from synapse_core.testing.contracts.runs import a_run
from synapse_core.testing.service import ADMIN_TOKEN, READ_TOKEN, RUN_TOKEN, serving
from synapse_core.workspace import Workspace, open_workspace
from synapse_mcp.cli.__main__ import run as run_command

_CONFIG = """
name: Sums
code: sums
version: 1.0.0
actions:
  add: {entrypoint: "sums:add"}
  wait: {entrypoint: "sums:wait"}
pipelines:
  three:
    description: Adds three times.
    params: {number: 1}
    nodes:
      first: {action: add, inputs: {number: "${params.number}"}}
      second: {action: add, inputs: {number: "${first.number}"}}
      each: {action: add, map: [1, 2, 3], inputs: {number: "${item}"}, after: [second]}
    output: ${second.number}
  gate:
    nodes:
      before: {action: add}
      gate: {action: wait, inputs: {file: "${params.file}"}, after: [before]}
"""
_CODE = """
import time
from pathlib import Path
from synapse_core import action

@action
def add(number: int = 0) -> dict[str, int]:
    print("adding to", number)
    return {"number": number + 1}

@action
def wait(file: str) -> dict[str, str]:
    for _ in range(400):
        if Path(file).exists():
            return {"said": Path(file).read_text()}
        time.sleep(0.05)
    raise RuntimeError("nobody came")
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    plugin = tmp_path / "plugins" / "sums"
    plugin.mkdir(parents=True)
    (plugin / "config.yaml").write_text(_CONFIG)
    (plugin / "sums.py").write_text(_CODE)
    with open_workspace(tmp_path / "home", (tmp_path / "plugins",), environ={}) as workspace:
        yield workspace


@pytest.fixture
def url(workspace: Workspace) -> Iterator[str]:
    with serving(workspace, limits=Limits(heartbeat_s=0.2)) as url:
        yield url


@pytest.fixture
def client(url: str) -> Iterator[PipelineServiceClient]:
    with PipelineServiceClient(url, RUN_TOKEN) as client:
        yield client


def test_pipelines_are_listed_and_described(client: PipelineServiceClient) -> None:
    listed = {one["id"]: one for one in client.list_pipelines()}

    assert listed["sums/three"]["nodes"] == ["first", "second", "each"]
    assert client.list_pipelines("sums") == list(listed.values())
    described = client.get_pipeline("sums", "three")
    assert described["description"] == "Adds three times."
    nodes = cast("list[dict[str, object]]", described["nodes"])
    assert [(node["name"], node["needs"]) for node in nodes] == [
        ("first", []),
        ("second", ["first"]),
        ("each", ["second"]),
    ]
    assert "number" in str(described["params"])
    with pytest.raises(PipelineNotFoundError, match="nothing"):
        client.get_pipeline("sums", "nothing")


def test_a_pipeline_is_started_followed_and_looked_at(client: PipelineServiceClient) -> None:
    run = client.start_pipeline("sums", "three", {"number": 5}, idempotency_key="k")
    again = client.start_pipeline("sums", "three", {"number": 5}, idempotency_key="k")
    told = list(client.stream_progress(run.id))

    assert again.id == run.id
    assert all(one != other for one, other in pairwise(told))
    assert told[-1].status is RunStatus.SUCCEEDED
    assert [one.name for one in told[-1].progress] == ["first", "second", "each"]
    assert told[-1] == client.get_progress(run.id)
    assert client.get_run(run.id).result == 7
    assert [one.id for one in client.list_pipeline_runs("sums", "three").items] == [run.id]
    assert client.list_pipeline_runs("sums", "three", statuses=[RunStatus.FAILED]).items == ()

    nodes = client.list_node_runs(run.id)
    assert [one.node for one in nodes[:2]] == ["first", "second"]
    (second,) = client.get_node(run.id, "second")
    assert (second.params, second.result) == ({"number": 6}, {"number": 7})
    assert sorted(one.node for one in client.get_node(run.id, "each")) == [
        f"each[{number}]" for number in range(3)
    ]
    latest = client.get_latest_node(run.id)
    assert latest is not None
    assert latest.node.startswith("each[")
    lines, _ = client.read_logs(second.id)
    assert "adding to 6" in lines


def test_a_failed_pipeline_goes_on_where_it_ended(
    client: PipelineServiceClient, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    run = client.start_pipeline("sums", "gate", {"file": str(file)}, env={"A": "1"})
    await_node(client, run.id, "gate", RunStatus.RUNNING)
    client.cancel_run(run.id)
    assert client.wait_run(run.id).status is RunStatus.CANCELLED
    file.write_text("open")
    resumed = client.wait_run(client.resume_run(run.id).id)
    named = client.start_pipeline("sums", "gate", {"file": str(file)}, resume_from=resumed.id)

    assert resumed.status is RunStatus.SUCCEEDED
    assert resumed.rerun_of == run.id
    assert [one.status for one in client.get_progress(resumed.id).progress] == [
        RunStatus.SKIPPED,
        RunStatus.SUCCEEDED,
    ]
    assert client.wait_run(named.id).status is RunStatus.SUCCEEDED
    assert {one.status for one in client.get_progress(named.id).progress} == {RunStatus.SKIPPED}


def await_node(
    client: PipelineServiceClient, run_id: str, node: str, status: RunStatus
) -> PipelineProgress:
    for progress in client.stream_progress(run_id):
        if any((one.name, one.status) == (node, status) for one in progress.progress):
            return progress
    raise AssertionError(f"{node} never was {status}")


def test_what_cannot_be_is_told(client: PipelineServiceClient, workspace: Workspace) -> None:
    with pytest.raises(ParamsError):
        client.start_pipeline("sums", "three", {"number": "many"})
    with pytest.raises(PipelineNotFoundError):
        client.start_pipeline("sums", "add")
    with pytest.raises(RunNotFoundError):
        client.get_progress("20260101-000000-00000009")
    action = workspace.runs.create(a_run(1, executor="elsewhere"))
    for ask in (client.get_progress, client.list_node_runs, client.resume_run):
        with pytest.raises(InvalidInputError, match="no pipeline"):
            ask(action.id)
    with pytest.raises(InvalidInputError, match="no pipeline"):
        next(client.stream_progress(action.id))


def test_a_node_that_was_not_executed_is_told(
    client: PipelineServiceClient, tmp_path: Path
) -> None:
    dry = client.start_pipeline("sums", "three", dry_run=True)
    with pytest.raises(RunNotFoundError):
        client.get_latest_node(dry.id)
    run = client.start_pipeline("sums", "gate", {"file": str(tmp_path / "file")})
    await_node(client, run.id, "gate", RunStatus.RUNNING)
    with pytest.raises(NotFoundError, match="No node 'gat'") as caught:
        client.get_node(run.id, "gat")
    assert "gate" in caught.value.hint
    latest = client.get_latest_node(run.id)
    assert latest is not None
    assert latest.node == "before"
    (tmp_path / "file").touch()
    client.wait_run(run.id)


def test_scopes_count_for_pipelines(client: PipelineServiceClient, url: str) -> None:
    run = client.start_pipeline("sums", "three", env={"API_TOKEN": "s3cret-s3cret"})
    client.wait_run(run.id)
    with PipelineServiceClient(url, READ_TOKEN) as reader:
        assert reader.get_progress(run.id).status is RunStatus.SUCCEEDED
        assert "s3cret" not in str(reader.get_node(run.id, "first"))
        for call in (
            lambda: reader.start_pipeline("sums", "three"),
            lambda: reader.resume_run(run.id),
        ):
            with pytest.raises(RefusedError):
                call()


def test_a_stream_beats_and_goes_on_behind_what_was_seen(
    client: PipelineServiceClient, url: str, tmp_path: Path
) -> None:
    run = client.start_pipeline("sums", "gate", {"file": str(tmp_path / "file")})
    await_node(client, run.id, "gate", RunStatus.RUNNING)
    path = f"{url}/api/v1/runs/{run.id}/progress/stream/"
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    ids: list[str] = []
    with httpx2.stream("GET", path, headers=headers) as answer:
        for line in answer.iter_lines():
            if line.startswith("id: "):
                ids.append(line[4:])
            if line == ": still here":
                break
    again: list[str] = []
    with httpx2.stream("GET", path, headers={**headers, "Last-Event-ID": ids[-1]}) as answer:
        for line in answer.iter_lines():
            if line == ": still here":
                (tmp_path / "file").touch()
            if line.startswith(("id: ", "event: ")):
                again.append(line)

    assert f"id: {ids[-1]}" not in again
    assert again[-1] == "event: end"
    last = [line for line in again if line.startswith("id: ")][-1]
    ended = httpx2.get(path, headers={**headers, "Last-Event-ID": last[4:]}).text
    assert "event: progress" not in ended
    assert "event: end" in ended


def test_it_is_the_same_without_waiting(url: str) -> None:
    async def follow() -> list[PipelineProgress]:
        async with AsyncPipelineServiceClient(url, RUN_TOKEN) as client:
            run = await client.start_pipeline("sums", "three")
            told = [progress async for progress in client.stream_progress(run.id)]
            assert (await client.list_pipelines("sums"))[0]["id"] == "sums/three"
            assert (await client.get_node(run.id, "first"))[0].result == {"number": 2}
            return told

    assert asyncio.run(follow())[-1].status is RunStatus.SUCCEEDED


def test_commands_work_on_the_pipelines_of_the_service(
    url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    home = Home(tmp_path / "near")
    monkeypatch.setenv("SYNAPSE_HOME", str(home.root))
    add_environment(home, Environment(name="prod", service_url=url, token=RUN_TOKEN))

    assert run_command(["pipeline", "list", "sums", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["pipelines"]
    assert [one["name"] for one in listed] == ["three", "gate"]
    assert run_command(["pipeline", "graph", "sums", "three"]) == 0
    assert "each  sums/add" in capsys.readouterr().out
    assert run_command(["pipeline", "run", "sums", "three", "-p", "number=4"]) == 0
    assert capsys.readouterr().out.endswith("6\n")
    (run_id,) = (run.id for run in runs_there(url))
    assert run_command(["pipeline", "show", run_id, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert "second" in str(shown)
    assert run_command(["pipeline", "submit", "sums", "add"]) == 3
    assert "no pipeline" in capsys.readouterr().err
    assert [run.id for run in runs_there(url)] == [run_id]


def runs_there(url: str) -> tuple[Run, ...]:
    with PipelineServiceClient(url, RUN_TOKEN) as client:
        return client.list_runs().items


def test_answers_have_the_form_that_the_document_says(
    client: PipelineServiceClient, url: str
) -> None:
    run = client.start_pipeline("sums", "three")
    client.wait_run(run.id)
    headers = {"Authorization": f"Bearer {RUN_TOKEN}"}
    document = httpx2.get(f"{url}/openapi.json", headers=headers).json()
    schemas = document["components"]["schemas"]
    for path in (
        "/api/v1/plugins",
        "/api/v1/plugins/{plugin}",
        "/api/v1/plugins/{plugin}/actions/{name}",
        "/api/v1/pipelines",
        "/api/v1/pipelines/{plugin}/{name}",
        "/api/v1/pipelines/{plugin}/{name}/runs",
        "/api/v1/runs/{run_id}/progress",
        "/api/v1/runs/{run_id}/nodes",
        "/api/v1/runs/{run_id}/nodes/{node}",
    ):
        named = path.format(plugin="sums", name="three", run_id=run.id, node="first")
        answer = httpx2.get(f"{url}{named}/", headers=headers).json()
        content = document["paths"][path]["get"]["responses"]["200"]["content"]
        schema = schemas[content["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]]
        fits(answer, schema, schemas, path)


def fits(value: Any, schema: dict[str, Any], schemas: dict[str, Any], where: str) -> None:  # noqa: ANN401 - any JSON there is
    """Look whether objects have the members, and lists the items, that the schema says."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rsplit("/", 1)[1]]
    if schema.get("type") == "array":
        for item in value:
            fits(item, schema.get("items", {}), schemas, where)
    elif "properties" in schema:
        assert set(schema["required"]) <= set(value) <= set(schema["properties"]), where
        for name, item in value.items():
            fits(item, schema["properties"][name], schemas, f"{where}: {name}")

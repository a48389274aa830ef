"""What the service answers, over real connections."""

import json
import re
import threading
from dataclasses import fields
from typing import Any

import httpx2
import pytest

from synapse_core.errors import (
    ConflictError,
    EventGapError,
    LeaseLostError,
    RunNotFoundError,
)
from synapse_core.model.documents import run_document
from synapse_core.model.event import EventKind
from synapse_core.model.run import Outcome, RunStatus
from synapse_core.operations.runs import StartRun
from synapse_core.runs.journal import JournalWriter
from synapse_core.service.application import ENDPOINTS
from synapse_core.service.openapi import openapi_document
from synapse_core.service.orders import StartOrder
from synapse_core.testing.contracts.runs import a_run
from synapse_core.testing.service import READ_TOKEN, RUN_TOKEN
from synapse_core.workspace import Workspace
from tests.service.asking import RUN, as_, batch, owned, recorded

EVERYWHERE = "0.0.0.0"  # noqa: S104 - to see that it is refused


def test_a_run_without_its_secrets_is_shown_to_who_may_only_read(client: httpx2.Client) -> None:
    recorded(client, env={"API_TOKEN": "s3cr3t-s3cr3t"}, params={"password": "hunter2hunter2"})
    path = f"/api/v1/runs/{RUN}"

    shown = client.get(path, headers=as_(READ_TOKEN)).text
    assert "s3cr3t" not in shown
    assert "hunter2" not in shown
    assert client.get(path, headers=as_(RUN_TOKEN)).json()["run"]["env"] == {
        "API_TOKEN": "s3cr3t-s3cr3t"
    }


@pytest.mark.parametrize("changed", [{"status": "running"}, {"attempt": "1"}, {"env": []}])
def test_what_is_no_pending_run_is_not_recorded(
    client: httpx2.Client, changed: dict[str, Any]
) -> None:
    document = {**run_document(a_run(id=RUN)), **changed}

    assert client.put(f"/api/v1/runs/{RUN}", json=document).status_code == 400
    assert client.get("/api/v1/runs").json()["runs"] == []


def test_the_path_names_the_run_that_the_body_does(client: httpx2.Client) -> None:
    document = run_document(a_run(2))

    assert client.put(f"/api/v1/runs/{RUN}", json=document).status_code == 400


def test_only_an_ended_run_is_removed_with_what_it_left(
    client: httpx2.Client, workspace: Workspace
) -> None:
    owned(client)
    client.post(f"/api/v1/runs/{RUN}/events?owner=me", content=batch(1, 3))
    assert client.delete(f"/api/v1/runs/{RUN}").status_code == 409
    client.post(
        f"/api/v1/runs/{RUN}/finish", json={"owner": "me", "outcome": {"status": "succeeded"}}
    )

    assert client.delete(f"/api/v1/runs/{RUN}").status_code == 204
    assert not workspace.home.run_dir(RUN).exists()
    assert client.delete(f"/api/v1/runs/{RUN}").status_code == 404


def test_a_run_that_a_client_recorded_is_not_placed_here(
    client: httpx2.Client, workspace: Workspace
) -> None:
    run = a_run(id=RUN, executor="process")
    client.put(f"/api/v1/runs/{RUN}", json=run_document(run))
    for _ in range(3):
        client.get(f"/api/v1/runs/{RUN}")

    assert workspace.runs.get(RUN).status is RunStatus.PENDING


def test_a_run_of_a_dead_worker_is_settled_though_nobody_asks(
    client: httpx2.Client, workspace: Workspace
) -> None:
    recorded(client)
    client.post(f"/api/v1/runs/{RUN}/claim", json={"owner": "gone:1:1", "lease_s": 0.01})
    with client.stream("GET", f"/api/v1/runs/{RUN}/events/stream") as stream:
        text = "".join(stream.iter_text())

    assert "worker_lost" in text
    assert "event: end" in text
    assert workspace.runs.get(RUN).status is RunStatus.FAILED


def test_events_of_the_owner_are_taken_in_once(client: httpx2.Client) -> None:
    owned(client)
    path = f"/api/v1/runs/{RUN}/events"
    for first, last, acknowledged in ((1, 3, 3), (1, 3, 3), (2, 5, 5), (6, 6, 6)):
        answer = client.post(f"{path}?owner=me", content=batch(first, last))
        assert answer.json() == {"last_seq": acknowledged}

    page = client.get(path).json()
    assert [event["seq"] for event in page["events"]] == [1, 2, 3, 4, 5, 6]


def test_a_gap_in_the_events_is_refused_with_what_is_wanted(client: httpx2.Client) -> None:
    owned(client)
    client.post(f"/api/v1/runs/{RUN}/events?owner=me", content=batch(1, 2))
    answer = client.post(f"/api/v1/runs/{RUN}/events?owner=me", content=batch(4, 5))

    assert answer.status_code == 409
    assert answer.json()["code"] == EventGapError.code
    assert answer.json()["data"] == {"expected_seq": 3}


@pytest.mark.parametrize("owner", ["other", ""])
def test_events_of_another_worker_are_refused(client: httpx2.Client, owner: str) -> None:
    owned(client)
    answer = client.post(f"/api/v1/runs/{RUN}/events?owner={owner}", content=batch(1, 1))

    assert (answer.status_code, answer.json()["code"]) == (409, LeaseLostError.code)


def test_events_of_a_run_that_has_ended_are_acknowledged_again_but_not_added(
    client: httpx2.Client, workspace: Workspace
) -> None:
    owned(client)
    path = f"/api/v1/runs/{RUN}/events?owner=me"
    client.post(path, content=batch(1, 3))
    workspace.runs.finish(RUN, Outcome(RunStatus.SUCCEEDED), owner="me")

    assert client.post(path, content=batch(1, 3)).json() == {"last_seq": 3}
    assert client.post(path, content=batch(3, 4)).status_code == 409
    other = batch(1, 3).replace(b"line 3", b"line X")
    assert client.post(path, content=other).json()["code"] == ConflictError.code


def test_events_of_no_run_are_refused(client: httpx2.Client, workspace: Workspace) -> None:
    answer = client.post(f"/api/v1/runs/{RUN}/events?owner=me", content=batch(1, 1))

    assert answer.json()["code"] == RunNotFoundError.code
    assert not workspace.home.run_dir(RUN).exists()


def test_logs_come_in_pages_with_a_cursor(client: httpx2.Client) -> None:
    owned(client)
    client.post(f"/api/v1/runs/{RUN}/events?owner=me", content=batch(1, 5))
    path = f"/api/v1/runs/{RUN}/logs"
    first = client.get(path, params={"limit": 3}).json()
    second = client.get(path, params={"cursor": first["next_cursor"]}).json()

    assert [line["text"] for line in first["lines"]] == ["line 1", "line 2", "line 3"]
    assert [line["text"] for line in second["lines"]] == ["line 4", "line 5"]
    assert [line["text"] for line in client.get(path, params={"tail": 1}).json()["lines"]] == [
        "line 5"
    ]


def test_checkpoints_are_the_last_of_each_name_and_latest_is_a_name_like_any_other(
    client: httpx2.Client, workspace: Workspace
) -> None:
    recorded(client)
    folder = workspace.home.run_dir(RUN)
    folder.mkdir(parents=True)
    with JournalWriter.open(folder / "journal.jsonl") as writer:
        for name, number in (("load", 1), ("latest", 2), ("load", 3)):
            writer.emit(EventKind.CHECKPOINT, {"name": name, "state": {"n": number}})
    path = f"/api/v1/runs/{RUN}/checkpoints"
    listed = client.get(path).json()["checkpoints"]

    assert [(item["name"], item["state"]["n"]) for item in listed] == [("latest", 2), ("load", 3)]
    (latest,) = client.get(path, params={"name": "latest"}).json()["checkpoints"]
    assert latest["state"] == {"n": 2}


def test_waiting_ends_with_the_write(client: httpx2.Client, url: str) -> None:
    owned(client)
    found: list[bool] = []

    def wait() -> None:
        answer = httpx2.get(
            f"{url}/api/v1/runs/{RUN}/events/wait",
            params={"timeout_s": 20},
            headers=as_(READ_TOKEN),
            timeout=30,
        )
        found.append(answer.json()["has_more"])

    waiter = threading.Thread(target=wait)
    waiter.start()
    client.post(f"/api/v1/runs/{RUN}/events?owner=me", content=batch(1, 1))
    waiter.join(10)

    assert found == [True]


def test_the_openapi_document_names_every_route_and_every_schema_it_uses(
    client: httpx2.Client,
) -> None:
    document = client.get("/openapi.json").json()
    routes = {(method.upper(), path) for path, item in document["paths"].items() for method in item}

    assert routes == {
        (endpoint.method, re.sub(r":path", "", endpoint.path)) for endpoint in ENDPOINTS
    }
    used = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(document)))
    assert used <= set(document["components"]["schemas"])
    ids = [item["operationId"] for path in document["paths"].values() for item in path.values()]
    assert len(ids) == len(set(ids))
    assert document == json.loads(json.dumps(openapi_document(ENDPOINTS)))


def test_answers_have_the_form_that_the_document_says(client: httpx2.Client) -> None:
    owned(client)
    client.post(f"/api/v1/runs/{RUN}/events?owner=me", content=batch(1, 2))
    document = client.get("/openapi.json").json()
    schemas = document["components"]["schemas"]
    for path, item in document["paths"].items():
        operation = item.get("get")
        # What only plugins and pipelines have is looked at in other files.
        words = ("{plugin}", "{name}", "{node}", "stream", "/progress", "/nodes", "/shared-files")
        if operation is None or any(word in path for word in words):
            continue
        answer = client.get(path.replace("{run_id}", RUN), params={"timeout_s": 0})
        assert answer.status_code == 200, path
        content = operation["responses"]["200"]["content"]
        if "application/json" not in content:
            continue
        name = content["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
        expected = schemas[name]
        assert set(expected.get("required", ())) <= set(answer.json()), path
        assert set(answer.json()) <= set(expected.get("properties", answer.json())), path


def test_figures_are_told_in_the_form_of_prometheus(client: httpx2.Client) -> None:
    owned(client)
    client.post(f"/api/v1/runs/{RUN}/events?owner=me", content=batch(1, 7))
    text = client.get("/metrics").text

    assert "synapse_events_received_total 7\n" in text
    claim = 'method="POST",path="/api/v1/runs/{run_id}/claim",status="200"'
    assert f"synapse_requests_total{{{claim}}} 1\n" in text
    for line in text.splitlines():
        assert re.fullmatch(r'# (HELP|TYPE) \w+ .+|\w+(\{(\w+="[^"]*",?)*\})? [\d.]+', line), line


def test_whatever_a_run_can_be_started_with_can_be_ordered_from_afar() -> None:
    named = {field.name for field in fields(StartOrder)}

    assert {field.name for field in fields(StartRun)} <= named

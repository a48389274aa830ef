"""What the service answers, over real connections."""

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from synapse_core.errors import (
    ConfigError,
    ConflictError,
    EventGapError,
    LeaseLostError,
    RunCancelledError,
    RunNotFoundError,
    SynapseError,
)
from synapse_core.model.documents import run_document
from synapse_core.model.event import EventKind
from synapse_core.model.run import Outcome, RunStatus
from synapse_core.runs.journal import JournalWriter
from synapse_core.runs.records import format_record
from synapse_core.service.application import ENDPOINTS
from synapse_core.service.limits import Limits, Meter
from synapse_core.service.openapi import openapi_document
from synapse_core.service.problems import status_of
from synapse_core.service.scopes import Scope, Tokens
from synapse_core.service.serving import Address, find_tokens
from synapse_core.testing.contracts.runs import a_run
from synapse_core.testing.service import ADMIN_TOKEN, READ_TOKEN, RUN_TOKEN, serving
from synapse_core.workspace import Workspace, open_workspace

EVERYWHERE = "0.0.0.0"  # noqa: S104 - to see that it is refused
RUN = "20260101-000000-00000001"
_LIMITS = Limits(max_body_bytes=100_000, wrong_tokens_burst=5, heartbeat_s=0.1)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with open_workspace(tmp_path, (), environ={}) as workspace:
        yield workspace


@pytest.fixture
def url(workspace: Workspace) -> Iterator[str]:
    with serving(workspace, limits=_LIMITS) as url:
        yield url


@pytest.fixture
def client(url: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {ADMIN_TOKEN}"}) as client:
        yield client


def as_(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def recorded(client: httpx2.Client, **given: Any) -> None:  # noqa: ANN401 - the fields of a run
    run = a_run(0, **{"id": RUN, "executor": "elsewhere", **given})
    answer = client.put(f"/api/v1/runs/{RUN}", json=run_document(run))
    assert answer.status_code == 201, answer.text


def owned(client: httpx2.Client, owner: str = "me") -> None:
    recorded(client)
    order = {"owner": owner, "lease_s": 60}
    assert client.post(f"/api/v1/runs/{RUN}/claim", json=order).status_code == 200


def batch(first: int, last: int, *, ends: bool = False) -> bytes:
    lines = [
        format_record(seq, 1.5, EventKind.LOG, b'{"level":"info","message":"line %d"}' % seq)
        for seq in range(first, last + 1)
    ]
    if ends:
        data = b'{"status":"succeeded","attempt":1}'
        lines[-1] = format_record(last, 1.5, EventKind.STATUS, data)
    return b"".join(lines)


# The gate


@pytest.mark.parametrize("path", ["/health", "/ready", "/health/"])
def test_whether_it_is_there_is_told_to_anybody(url: str, path: str) -> None:
    assert httpx2.get(url + path).status_code == 200


@pytest.mark.parametrize("path", ["/metrics", "/openapi.json", "/api/v1/runs", "/nothing"])
@pytest.mark.parametrize("header", [None, "Bearer", "Bearer wrong-wrong-wrong", "Basic x"])
def test_everything_else_needs_the_token(url: str, path: str, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = httpx2.get(url + path, headers=headers)

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_every_route_is_closed_to_a_token_of_less_scope(url: str) -> None:
    lesser = {Scope.RUN: READ_TOKEN, Scope.ADMIN: RUN_TOKEN}
    closed = [endpoint for endpoint in ENDPOINTS if endpoint.scope in lesser]
    with httpx2.Client(base_url=url) as client:
        for endpoint in closed:
            assert endpoint.scope is not None
            path = endpoint.path.replace("{run_id}", RUN)
            answer = client.request(endpoint.method, path, headers=as_(lesser[endpoint.scope]))
            assert answer.status_code == 403, endpoint.path
            assert answer.json()["code"] == "refused"

    assert len(closed) >= 10


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8100", "127.0.0.1.evil", ""])
def test_another_name_in_the_host_header_is_refused(url: str, host: str) -> None:
    answer = httpx2.get(f"{url}/api/v1/runs", headers={**as_(ADMIN_TOKEN), "Host": host})

    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("origin", "status"),
    [("http://evil.example", 403), ("null", 403), ("http://localhost:3000", 200)],
)
def test_pages_of_other_origins_are_refused(url: str, origin: str, status: int) -> None:
    answer = httpx2.get(f"{url}/api/v1/runs", headers={**as_(ADMIN_TOKEN), "Origin": origin})

    assert answer.status_code == status


def test_who_guesses_tokens_is_slowed_down_and_others_are_not(url: str) -> None:
    with httpx2.Client(base_url=url) as client:
        guesses = [client.get("/api/v1/runs", headers=as_("x" * 20)).status_code for _ in range(8)]

        assert guesses == [401] * 5 + [429] * 3
        assert client.get("/api/v1/runs", headers=as_(READ_TOKEN)).status_code == 200


@pytest.mark.parametrize("is_announced", [True, False])
def test_a_request_that_is_too_large_is_refused(client: httpx2.Client, is_announced: bool) -> None:  # noqa: FBT001 - a parameter of the test
    body = b"x" * 100_001
    content = body if is_announced else iter([body[:60_000], body[60_000:]])
    answer = client.post("/api/v1/runs", content=content)

    assert answer.status_code == 413
    assert answer.json()["code"] == "too_large"


def test_a_token_that_asks_too_often_waits(workspace: Workspace) -> None:
    with serving(workspace, limits=Limits(requests_per_s=0.1, burst=3)) as url:
        answers = [httpx2.get(f"{url}/api/v1/version", headers=as_(READ_TOKEN)) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 10


def test_a_meter_fills_up_again() -> None:
    now = [0.0]
    meter = Meter(2.0, 2, clock=lambda: now[0])

    assert [meter.take("a"), meter.take("a"), meter.take("a")] == [0, 0, 0.5]
    assert meter.take("b") == 0
    now[0] = 0.5
    assert [meter.take("a"), meter.take("a")] == [0, 0.5]


def test_a_slash_at_the_end_means_nothing(client: httpx2.Client) -> None:
    recorded(client)

    assert client.get("/api/v1/runs/").json() == client.get("/api/v1/runs").json()
    assert client.get(f"/api/v1/runs/{RUN}/").json() == client.get(f"/api/v1/runs/{RUN}").json()


# Problems


def test_an_error_says_what_why_and_the_fix(client: httpx2.Client) -> None:
    answer = client.get(f"/api/v1/runs/{RUN}")

    assert answer.status_code == 404
    told = answer.json()
    assert told["type"] == "urn:synapse:error:run_not_found"
    assert told["status"] == 404
    assert told["code"] == "run_not_found"
    assert RUN in told["detail"]
    assert told["hint"]
    assert told["data"] == {"run_id": RUN}


@pytest.mark.parametrize(
    ("method", "path", "status"), [("PATCH", "/api/v1/runs", 405), ("GET", "/x", 404)]
)
def test_what_it_cannot_do_is_a_problem_too(
    client: httpx2.Client, method: str, path: str, status: int
) -> None:
    answer = client.request(method, path)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"{", "JSON"),
        (b"[]", "object"),
        (b'{"owner": "me"}', "lease_s"),
        (b'{"owner": "me", "lease_s": "9"}', "lease_s"),
        (b'{"owner": "me", "lease_s": true}', "lease_s"),
        (b'{"owner": "me", "lease_s": 9, "leese": 1}', "leese"),
        (b"[" * 50_000, "JSON"),
    ],
)
def test_an_order_that_is_none_is_told_by_its_key(
    client: httpx2.Client, body: bytes, named: str
) -> None:
    recorded(client)
    answer = client.post(f"/api/v1/runs/{RUN}/claim", content=body)

    assert answer.status_code == 400
    assert named in answer.json()["detail"]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=x", "limit=5000", "since=x", "status=odd", "limit=1&limit=2"]
)
def test_a_query_that_is_none_is_refused(client: httpx2.Client, query: str) -> None:
    assert client.get(f"/api/v1/runs?{query}").status_code == 400


def test_every_leaf_of_the_tree_of_errors_has_a_status() -> None:
    def leaves(kind: type[SynapseError]) -> Iterator[type[SynapseError]]:
        for inner in kind.__subclasses__():
            yield inner
            yield from leaves(inner)

    statuses = {kind.code: status_of(kind.rebuild("x", "", {})) for kind in leaves(SynapseError)}

    assert statuses["invalid_params"] == 422
    assert statuses["store_unavailable"] == 503
    assert statuses["event_gap"] == statuses["lease_lost"] == 409
    assert {status for status in statuses.values() if status < 400} == set()
    assert status_of(RunCancelledError("x")) == 500


# Runs


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


# Events


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


# What it says of itself


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
        if operation is None or "{name}" in path or "stream" in path:
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


# Tokens


def test_tokens_are_read_with_their_scopes() -> None:
    text = f"# ours\n\n{'a' * 16}\nread {'b' * 16}\nrun  {'c' * 16}\n"
    tokens = Tokens.parse(text, "file")
    scopes = [(tokens.find(char * 16) or ("", ""))[0] for char in "abc"]

    assert scopes == [Scope.ADMIN, Scope.READ, Scope.RUN]
    assert tokens.find("d" * 16) is None
    assert tokens.find("") is None


@pytest.mark.parametrize("text", ["", "# none\n", "short", "odd " + "a" * 16, "a b c"])
def test_a_file_without_good_tokens_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        Tokens.parse(text, "file")


@pytest.mark.parametrize(
    ("host", "names", "environ", "is_let_in"),
    [
        ("127.0.0.1", (), {}, True),
        ("::1", (), {}, True),
        (EVERYWHERE, (), {"SYNAPSE_SERVICE_TOKEN": "t" * 20}, False),
        (EVERYWHERE, ("box",), {}, False),
        (EVERYWHERE, ("box",), {"SYNAPSE_SERVICE_TOKEN": "short"}, False),
        (EVERYWHERE, ("box",), {"SYNAPSE_SERVICE_TOKEN": "t" * 20}, True),
    ],
)
def test_other_machines_come_in_with_a_name_and_a_token_of_the_users_own_only(
    workspace: Workspace,
    host: str,
    names: tuple[str, ...],
    environ: dict[str, str],
    is_let_in: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    address = Address(host=host, allowed_hosts=names)
    if is_let_in:
        assert find_tokens(address, workspace.home, environ)
    else:
        with pytest.raises(ConfigError):
            find_tokens(address, workspace.home, environ)

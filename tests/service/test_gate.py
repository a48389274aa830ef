"""Who the service lets in, and how it says no."""

from collections.abc import Iterator

import httpx2
import pytest

from synapse_core.errors import (
    ConfigError,
    RunCancelledError,
    SynapseError,
)
from synapse_core.service.application import ENDPOINTS
from synapse_core.service.limits import Limits, Meter
from synapse_core.service.problems import status_of
from synapse_core.service.scopes import Scope, Tokens
from synapse_core.service.serving import Address, find_tokens
from synapse_core.testing.service import ADMIN_TOKEN, READ_TOKEN, RUN_TOKEN, serving
from synapse_core.workspace import Workspace
from tests.service.asking import RUN, as_, recorded

EVERYWHERE = "0.0.0.0"  # noqa: S104 - to see that it is refused


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

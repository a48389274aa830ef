"""Over HTTP: nobody without the token, from nowhere else, with nothing too large; then as usual."""

import http.client
import json
import os
import stat
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from synapse_core.errors import ConfigError, StorageError
from synapse_mcp.server.token import find_token
from synapse_mcp.settings import HttpSettings
from tests.mcp.http_server import HttpServer, serving
from tests.mcp.wire import hello, modern
from tests.mcp.world import ERAS, PATIENCE_S, Agent, Place, answering

pytestmark = pytest.mark.xdist_group("http")

TIMEOUT_S = 30
GREET = """
from synapse_core import action


@action()
def run(name: str) -> str:
    print("about to greet")
    return f"Hello, {name}!"
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    made = Place(tmp_path_factory.mktemp("http"))
    made.root.mkdir()
    made.plugin("greeter", GREET)
    return made


@pytest.fixture(scope="module")
def server(place: Place) -> Iterator[HttpServer]:
    with serving(place) as listening:
        yield listening


def post(
    server: HttpServer, body: bytes, headers: Mapping[str, str | None]
) -> tuple[int, dict[str, str], Any]:
    """Send one request; a header that is None is not sent."""
    usual: dict[str, str | None] = {
        "Authorization": f"Bearer {server.token}",
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "tools/list",
    }
    sent = {name: value for name, value in {**usual, **headers}.items() if value is not None}
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=TIMEOUT_S)
    try:
        connection.request("POST", "/mcp", body, sent)
        answer = connection.getresponse()
        text = answer.read().decode()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, text
    finally:
        connection.close()


LIST = json.dumps(modern(1, "tools/list")).encode()


def test_with_the_token_a_request_is_answered(server: HttpServer) -> None:
    status, _, text = post(server, LIST, {})

    assert status == 200
    assert len(json.loads(text)["result"]["tools"]) == 11


@pytest.mark.parametrize(
    "header",
    [
        None,
        "Bearer of-somebody-else-entirely",
        "Bearer ",
        "Bearer",
        "token-of-the-tests-only",
        "Basic token-of-the-tests-only",
        "bearer token-of-the-tests-only",
        "Bearer token-of-the-tests-only ,",
        "Bearer token-of-the-tests-onlyX",
        "Bearer token-of-the-tests-onl",
        "Bearer \u00e9",
    ],
)
def test_nobody_gets_in_without_the_token(server: HttpServer, header: str | None) -> None:
    status, headers, text = post(server, LIST, {"Authorization": header})

    assert status == 401
    assert headers["www-authenticate"] == 'Bearer realm="synapse-mcp"'
    assert "Authorization: Bearer TOKEN" in json.loads(text)["error"]["message"]
    assert server.token not in text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example.com"}, 421),
        ({"Host": "127.0.0.1.evil.example.com"}, 421),
        ({"Origin": "https://evil.example.com"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:3000"}, 200),
    ],
)
def test_a_page_of_somebody_else_reaches_nothing(
    server: HttpServer, headers: dict[str, str], status: int
) -> None:
    """Not even with the token: names that lead here by rebinding are not ours."""
    assert post(server, LIST, headers)[0] == status


def test_a_body_that_is_too_large_is_refused(server: HttpServer) -> None:
    body = json.dumps(modern(1, "tools/list", {"cursor": "x" * (5 << 20)})).encode()

    assert post(server, body, {})[0] == 413


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"{", {}, 400, -32700),
        (LIST, {"Mcp-Method": "prompts/list"}, 400, -32020),
        (
            json.dumps(modern(1, "tasks/get", {"taskId": "a.b"})).encode(),
            {"Mcp-Method": "tasks/get", "Mcp-Name": "c.d"},
            400,
            -32020,
        ),
        (
            json.dumps(modern(1, "no/such")).encode(),
            {"Mcp-Method": "no/such"},
            404,
            -32601,
        ),
    ],
)
def test_a_request_that_contradicts_itself_is_refused(
    server: HttpServer, body: bytes, headers: dict[str, str], status: int, code: int
) -> None:
    answered, _, text = post(server, body, headers)

    assert answered == status
    assert json.loads(text)["error"]["code"] == code


@asynccontextmanager
async def connected(
    server: HttpServer, mode: str, *, answer: str | None = None
) -> AsyncGenerator[Agent]:
    headers = {"Authorization": f"Bearer {server.token}"}
    questions: list[str] = []
    async with (
        httpx2.AsyncClient(headers=headers, timeout=PATIENCE_S) as http_client,
        Client(
            streamable_http_client(server.url, http_client=http_client),
            mode=mode,
            read_timeout_seconds=PATIENCE_S,
            elicitation_callback=answering(answer, questions),
        ) as client,
    ):
        yield Agent(client, questions)


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ERAS)
async def test_a_client_of_either_era_runs_an_action(server: HttpServer, mode: str) -> None:
    async with connected(server, mode) as agent:
        run = await agent.call(
            "run_start", plugin="greeter", action="run", params={"name": "you"}, wait_s=30
        )
        log = await agent.read(f"run://{run['run_id']}/log")

    assert run["result"] == "Hello, you!"
    assert "about to greet" in log


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ERAS)
async def test_several_processes_answer_as_one(place: Place, mode: str) -> None:
    """A question may be asked by one process and its answer reach another."""
    async with _several(place) as server, connected(server, mode, answer="yes") as agent:
        for _ in range(4):
            run = await agent.call(
                "run_start", plugin="greeter", action="run", params={"name": "x"}, wait_s=30
            )
            if mode == "2026-07-28":
                done = await agent.call("run_delete", run_ids=[run["run_id"]])
                assert done["deleted"] == [run["run_id"]]

    assert len(agent.questions) == (4 if mode == "2026-07-28" else 0)


@asynccontextmanager
async def _several(place: Place) -> AsyncGenerator[HttpServer]:
    with serving(place, "--workers", "2", "--toolsets", "core,admin") as listening:
        yield listening


@pytest.mark.anyio
async def test_a_client_that_left_without_a_word_stops_nobody_else(server: HttpServer) -> None:
    """Its subscription stays for a while; telling it must not harm those who are there."""
    session = handshake(server)
    status, _, _ = post(
        server,
        json.dumps(
            {
                "jsonrpc": "2.0",
                "id": 2,
                "method": "resources/subscribe",
                "params": {"uri": await newest(server)},
            }
        ).encode(),
        {
            "Mcp-Session-Id": session,
            "MCP-Protocol-Version": "2025-11-25",
            "Mcp-Method": None,
        },
    )
    async with connected(server, "2026-07-28") as agent:
        again = await agent.call(
            "run_start", plugin="greeter", action="run", params={"name": "x"}, wait_s=30
        )

    assert status == 200
    assert again["status"] == "succeeded"


def handshake(server: HttpServer) -> str:
    """Begin a session of the handshake era, and return its id."""
    status, headers, _ = post(
        server,
        json.dumps(hello()).encode(),
        {"MCP-Protocol-Version": None, "Mcp-Method": None},
    )
    assert status == 200
    return headers["mcp-session-id"]


async def newest(server: HttpServer) -> str:
    async with connected(server, "2026-07-28") as agent:
        run = await agent.call(
            "run_start", plugin="greeter", action="run", params={"name": "x"}, wait_s=0
        )
    return f"run://{run['run_id']}"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--host", "0.0.0.0"], 2, "--allow-host"),  # noqa: S104 - the address under test
        (["--host", "0.0.0.0", "--allow-host", "box"], 1, "SYNAPSE_MCP_TOKEN"),  # noqa: S104 - the address under test
        (["--port", "99999"], 2, "is no port"),
        (["--workers", "0"], 2, "--workers"),
        (["--token-file", "/no/such/file"], 1, "Cannot read the secret"),
        (["--host", "203.0.113.1", "--allow-host", "x", "--token-file", "TOKEN"], 1, "--port"),
    ],
)
def test_what_cannot_be_served_is_refused_at_the_start(
    tmp_path: Path, words: list[str], code: int, said: str
) -> None:
    token = tmp_path / "TOKEN"
    token.write_text("a-token-that-is-long-enough", encoding="utf-8")
    environ = {key: value for key, value in os.environ.items() if key != "SYNAPSE_MCP_TOKEN"}
    done = subprocess.run(
        [sys.executable, "-m", "synapse_mcp", "--http", *words],
        check=False,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        cwd=tmp_path,
        env={**environ, "SYNAPSE_HOME": str(tmp_path / "home")},
    )

    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_token_is_made_once_and_is_the_owners_alone(tmp_path: Path) -> None:
    home = tmp_path / "home"

    token = find_token(HttpSettings(), home, {})

    file = home / "mcp-token"
    assert find_token(HttpSettings(), home, {}) == token
    assert len(token) >= 43
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_a_token_of_the_users_own_comes_first(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("from-the-file-0123456789\n", encoding="utf-8")
    environ = {"SYNAPSE_MCP_TOKEN": "from-the-variable-0123"}

    assert find_token(HttpSettings(token_file=file), tmp_path, environ) == file.read_text().strip()
    assert find_token(HttpSettings(), tmp_path, environ) == environ["SYNAPSE_MCP_TOKEN"]
    assert not (tmp_path / "mcp-token").exists()


@pytest.mark.parametrize(
    "token", ["", "short", "with space in it 0123", "caf\u00e9-0123456789abcdef"]
)
def test_a_token_that_can_be_guessed_or_not_be_sent_is_refused(tmp_path: Path, token: str) -> None:
    with pytest.raises(ConfigError, match="at least 16"):
        find_token(HttpSettings(), tmp_path, {"SYNAPSE_MCP_TOKEN": token})


def test_other_machines_are_not_let_in_with_a_token_nobody_chose(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="lets other machines in"):
        find_token(HttpSettings(host="192.0.2.1"), tmp_path, {})
    with pytest.raises(StorageError, match="Cannot read"):
        find_token(HttpSettings(token_file=tmp_path), tmp_path, {})


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104 - the address under test
        ("::", False),
        ("192.168.1.2", False),
        ("localhost.evil.example", False),
    ],
)
def test_only_this_machine_is_this_machine(host: str, *, is_loopback: bool) -> None:
    assert HttpSettings(host=host).is_loopback is is_loopback

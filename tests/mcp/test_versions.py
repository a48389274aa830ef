"""Every version of the protocol, at either door: list, call, read."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS

from tests.mcp.http_server import HttpServer, serving
from tests.mcp.wire import INITIALIZED, Start, hello, modern, request
from tests.mcp.world import Place

pytestmark = pytest.mark.xdist_group("versions")

HANDSHAKES = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
VERSIONS = (*HANDSHAKES, "2026-07-28")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    made = Place(tmp_path_factory.mktemp("versions"))
    made.root.mkdir()
    made.plugin("silent", "def run() -> None: ...")
    return made


@pytest.fixture(scope="module")
def server(place: Place) -> Iterator[HttpServer]:
    with serving(place) as listening:
        yield listening


def questions(version: str) -> list[dict[str, Any]]:
    ask = modern if version == "2026-07-28" else request
    return [
        ask(1, "tools/list"),
        ask(2, "tools/call", {"name": "plugin_search", "arguments": {}}),
        ask(3, "resources/read", {"uri": "config://effective"}),
    ]


def check(results: list[Any], place: Place) -> None:
    listed, called, read = results
    assert listed["tools"][0]["name"] == "plugin_search"
    assert "silent" in called["content"][0]["text"]
    assert json.loads(read["contents"][0]["text"])["home"] == str(place.home)


@pytest.mark.parametrize("version", VERSIONS)
def test_over_stdio(start: Start, place: Place, version: str) -> None:
    wire = start()
    if version in HANDSHAKES:
        assert wire.ask(hello(version))["result"]["protocolVersion"] == version
        wire.send(INITIALIZED)
    else:
        discovered = wire.ask(modern(0, "server/discover"))["result"]
        assert version in discovered["supportedVersions"]

    check([wire.ask(question)["result"] for question in questions(version)], place)


@pytest.mark.parametrize("version", VERSIONS)
def test_over_http(server: HttpServer, place: Place, version: str) -> None:
    headers = {
        "Authorization": f"Bearer {server.token}",
        "Accept": "application/json, text/event-stream",
    }
    with httpx2.Client(headers=headers, timeout=30) as client:
        if version in HANDSHAKES:
            greeted = client.post(server.url, json=hello(version))
            assert result_of(greeted)["protocolVersion"] == version
            client.headers["Mcp-Session-Id"] = greeted.headers["mcp-session-id"]
        if version != "2024-11-05":  # which knew no such header
            client.headers["MCP-Protocol-Version"] = version
        if version in HANDSHAKES:
            assert client.post(server.url, json=INITIALIZED).status_code == 202
        results = [
            result_of(client.post(server.url, json=question, headers=routing(question)))
            for question in questions(version)
        ]

    check(results, place)


def routing(question: dict[str, Any]) -> dict[str, str]:
    """Return the headers of 2026-07-28, which older versions ignore."""
    params = question["params"]
    name = params.get("name") or params.get("uri")
    return {"Mcp-Method": question["method"], **({"Mcp-Name": name} if name else {})}


def result_of(answer: httpx2.Response) -> Any:  # noqa: ANN401 - parsed JSON
    """Return the result, be it plain or on a stream of events."""
    assert answer.status_code == 200, answer.text
    text = answer.text
    if answer.headers["content-type"].startswith("text/event-stream"):
        (text,) = [
            line.removeprefix("data: ")
            for line in text.splitlines()
            if line.startswith("data: {") and '"result"' in line
        ]
    return json.loads(text)["result"]


def test_the_versions_are_those_of_the_sdk() -> None:
    assert (*HANDSHAKE_PROTOCOL_VERSIONS, *MODERN_PROTOCOL_VERSIONS) == VERSIONS

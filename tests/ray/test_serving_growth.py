"""Deployments that answer part by part, and grow with the requests."""

import http.client
import json
import os
import urllib.parse
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from textwrap import dedent

import pytest

from synapse_core.operations.deployments.verbs import Deploy, delete_deployment, deploy
from synapse_core.operations.deployments.views import DeploymentState, DeploymentView
from synapse_core.workspace import Workspace
from tests.ray.calling import log_of, send, send_all, settle, show
from tests.waiting import wait_until

pytest.importorskip("fastapi", reason="the extra `serve` is not installed")

CONFIG = """
    name: Talker
    code: talker
    actions:
      talk:
        entrypoint: act:Talker
        method: serve
        resources: {cpus: 0.1}
        serve:
          max_replicas: 2
          target_requests: 1
          queue: 4
          batch: {size: 2, wait: 5ms}
          scale_up_after: 100ms
"""

CODE = """
    import asyncio
    import os

    from pydantic import BaseModel

    from synapse_core import BaseServeDeployment


    class Ask(BaseModel):
        words: int = 3
        pause: float = 0.0


    class Word(BaseModel):
        word: int
        pid: int


    class Talker(BaseServeDeployment[Ask]):
        item_model = Word

        async def infer(self, inputs):
            try:
                for word in range(inputs.words):
                    yield Word(word=word, pid=os.getpid())
                    await asyncio.sleep(inputs.pause)
            finally:
                print("said", word)
"""


@pytest.fixture(scope="module")
def talker(world: Workspace, ray_root: Path) -> Iterator[DeploymentView]:
    folder = ray_root / "talker"
    folder.mkdir()
    (folder / "config.yaml").write_text(dedent(CONFIG), encoding="utf-8")
    (folder / "act.py").write_text(dedent(CODE), encoding="utf-8")
    name = deploy(world, os.environ, Deploy(plugin=str(folder))).name
    view = settle(world, name)
    assert view.state is DeploymentState.RUNNING, view
    yield view
    delete_deployment(world.home, os.environ, name)


def connect(url: str, body: object) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=30)
    headers = {"Content-Type": "application/json"}
    connection.request("POST", parts.path, json.dumps(body), headers)
    return connection, connection.getresponse()


def test_parts_come_as_they_are_said(talker: DeploymentView) -> None:
    connection, response = connect(talker.url, {"pause": 0.2})

    with closing(connection), response:
        first = json.loads(response.readline())
        said = [first, *map(json.loads, response)]

    assert response.headers["content-type"] == "application/x-ndjson"
    assert [one["word"] for one in said] == [0, 1, 2]


def test_a_client_that_leaves_ends_the_generator(world: Workspace, talker: DeploymentView) -> None:
    before = log_of(world, talker.name).count("said")
    connection, response = connect(talker.url, {"words": 7000, "pause": 0.02})
    with closing(connection), response:
        response.readline()

    wait_until(lambda: log_of(world, talker.name).count("said") > before)
    assert "said 6999" not in log_of(world, talker.name)


def test_what_the_proxy_says_is_a_problem_too(talker: DeploymentView) -> None:
    absent = send(f"{talker.url}-absent", {})
    answers = send_all(talker.url, [{"pause": 0.5}] * 40, threads=40)

    assert (absent.status, absent.body["code"]) == (404, "not_found")
    refused = [answer for answer in answers if answer.status != 200]
    assert {(one.status, one.kind) for one in refused} == {(503, "application/problem+json")}
    assert {one.body["code"] for one in refused} == {"rate_limited"}


def test_their_number_follows_the_requests(world: Workspace, talker: DeploymentView) -> None:
    assert talker.wanted == "1-2"
    with ThreadPoolExecutor(4) as clients:
        asked = [clients.submit(send, talker.url, {"words": 8, "pause": 1.0}) for _ in range(3)]
        wait_until(lambda: show(world, talker.name).ready == 2)
        asked += [clients.submit(send, talker.url, {}) for _ in range(20)]
        answers = [one.result() for one in asked]

    assert {answer.status for answer in answers} == {200}
    assert len({part["pid"] for answer in answers for part in answer.body}) == 2

"""Calls deployments over HTTP, and looks at them."""

import http.client
import json
import os
import threading
import urllib.parse
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from synapse_core.operations.deployments.views import (
    DeploymentView,
    read_deployment_logs,
    show_deployment,
    wait_deployment,
)
from synapse_core.workspace import Workspace


@dataclass(frozen=True)
class Answered:
    status: int
    kind: str
    body: Any


def send(
    url: str, body: object, *, method: str = "POST", raw: bytes | None = None, **headers: str
) -> Answered:
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=30)
    sent = raw if raw is not None else json.dumps(body).encode()
    given = {"Content-Type": "application/json", **headers}
    try:
        connection.request(method, parts.path, None if method == "GET" else sent, given)
        response = connection.getresponse()
        text = response.read()
        kind = response.headers.get("content-type", "")
        return Answered(response.status, kind, _read(kind, text))
    finally:
        connection.close()


def _read(kind: str, text: bytes) -> Any:  # noqa: ANN401 - free JSON
    if "ndjson" in kind:
        return [json.loads(line) for line in text.splitlines()]
    return json.loads(text) if "json" in kind else text


def send_all(url: str, bodies: Sequence[object], *, threads: int = 8) -> list[Answered]:
    """Send all at once, as far as the threads reach; return the answers in the same order."""
    with ThreadPoolExecutor(threads) as pool:
        return [one.result() for one in [pool.submit(send, url, body) for body in bodies]]


def show(world: Workspace, name: str) -> DeploymentView:
    return show_deployment(world.home, os.environ, name)


def settle(world: Workspace, name: str) -> DeploymentView:
    return wait_deployment(world.home, os.environ, name, timeout_s=50)


def flower(**more: object) -> dict[str, object]:
    return {"width": 1.0, "length": 3.0, **more}


def log_of(world: Workspace, name: str) -> str:
    page = read_deployment_logs(world.home, name, limit=100_000)
    return "\n".join(line.message for line in page.lines)


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


class Hammer:
    """Clients that ask all the time, every other one on a connection that it keeps."""

    def __init__(self, url: str, clients: int = 3) -> None:
        self.answers: list[Answered] = []
        self.faults: list[Exception] = []
        self._url = url
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask_on_one if number % 2 else self._ask)
            for number in range(clients)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        while not self._stop.is_set():
            try:
                self.answers.append(send(self._url, flower()))
            except OSError as fault:
                self.faults.append(fault)

    def _ask_on_one(self) -> None:
        parts = urllib.parse.urlsplit(self._url)
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=30)
        body, headers = json.dumps(flower()), {"Content-Type": "application/json"}
        with closing(connection):
            while not self._stop.is_set():
                try:
                    connection.request("POST", parts.path, body, headers)
                    response = connection.getresponse()
                    kind = response.headers.get("content-type", "")
                    told = Answered(response.status, kind, _read(kind, response.read()))
                    self.answers.append(told)
                except (OSError, http.client.HTTPException) as fault:
                    self.faults.append(fault)

"""Deployments of a home of their own, whose replicas are driven without Ray."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from starlette.requests import Request

from synapse_core.config.home import Home
from synapse_core.serving.held import Command
from synapse_core.serving.http import Front
from synapse_core.serving.log_files import read_page
from synapse_core.serving.problems import Refusal
from synapse_core.serving.release import Deployment, Release, ServeSettings
from synapse_core.serving.replica import Answer, Replica, Say
from synapse_core.serving.shelf import Shelf
from synapse_core.types import JSONValue
from tests.waiting import wait_until

PATIENCE_S = 30


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@dataclass
class Bench:
    """A home with one deployment, `one`, whose plugin is written anew for each release."""

    folder: Path

    @property
    def shelf(self) -> Shelf:
        return Shelf(Home(self.folder / "home"))

    def release(
        self, code: str, entrypoint: str = "act:answer", token_digest: str = "", **settings: object
    ) -> int:
        """Want a new release with this module, and return its number."""
        number = max(self.shelf.numbers("one"), default=0) + 1
        plugin = self.folder / f"code{number}" / "plugin"
        plugin.mkdir(parents=True)
        (plugin / "act.py").write_text(dedent(code), encoding="utf-8")
        release = Release(
            number=number,
            plugin="plugin",
            version=f"{number}.0",
            action="answer",
            entrypoint=entrypoint,
            folder=str(plugin),
            digest=str(number),
            settings=ServeSettings(**settings),  # pyright: ignore[reportArgumentType] - as tests say
            env={"NUMBER": str(number), "API_KEY": "hunter2-hunter2"},
            token_digest=token_digest,
        )
        self.shelf.keep_release("one", release)
        before = self.shelf.find("one") or Deployment(
            name="one", plugin="plugin", plugin_path="/", action="answer", release=0, replicas=1
        )
        self.shelf.keep(replace(before, release=number))
        return number

    def log(self) -> str:
        page = read_page(self.shelf.logs("one"), limit=10_000)
        return "\n".join(line.message for line in page.lines)


@dataclass
class Served:
    """A replica that answers, and what asks it."""

    replica: Replica
    front: Front

    async def ask(
        self,
        body: object = None,
        *,
        method: str = "POST",
        path: str = "",
        raw: bytes | None = None,
        **headers: str,
    ) -> tuple[int, Any]:
        """Return status and document of the answer."""
        given = {"content-type": "application/json", **headers}
        sent = raw if raw is not None else json.dumps(body).encode()
        scope = {
            "type": "http",
            "method": method,
            "path": f"/one{path}",
            "root_path": "/one",
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        }

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": sent, "more_body": False}

        response = await self.front.respond(Request(scope, receive))
        return response.status_code, json.loads(bytes(response.body))


async def until(is_so: Callable[[], bool]) -> None:
    """Look until it is so, while the replica goes on."""
    await asyncio.to_thread(wait_until, is_so, PATIENCE_S)


Serve = Callable[[], AbstractAsyncContextManager[Served]]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def serve(bench: Bench) -> Serve:
    """Return a function that starts a replica for what is wanted."""

    def prepare(release: Release, say: Say) -> Command:
        say("nothing to install")
        return Command(sys.executable, {"PATH": os.environ["PATH"], **release.env})

    @asynccontextmanager
    async def started() -> AsyncGenerator[Served]:
        replica = Replica(bench.shelf, "one", "r1", prepare)

        async def answer(model_id: str, body: JSONValue) -> Answer:
            return (await replica.answer(model_id, [body]))[0]

        async def load(model_id: str) -> None:
            status, document = await replica.load(model_id)
            if status != 200:
                raise Refusal(status, document)

        try:
            await replica.follow()
            yield Served(replica, Front(replica, answer, load))
        finally:
            await replica.close()

    return started

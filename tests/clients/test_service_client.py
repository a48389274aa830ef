"""The client of a run service against a real one, with and without an event loop."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from synapse_core.clients.async_service import AsyncPipelineServiceClient
from synapse_core.clients.sync_service import PipelineServiceClient
from synapse_core.errors import ParamsError, PluginNotFoundError, RefusedError
from synapse_core.model.event import EventKind
from synapse_core.model.run import RunFilter, RunStatus
from synapse_core.testing.service import ADMIN_TOKEN, READ_TOKEN, serving
from synapse_core.workspace import Workspace, open_workspace

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
from pydantic import BaseModel
from synapse_core import action

class Params(BaseModel):
    words: int = 3

@action(name="talk")
def talk(params: Params, context):
    for number in range(params.words):
        context.logger.info(f"word {number}")
        context.set_progress(number + 1, params.words)
    context.save_artifact(b"words " * params.words, "a/words.txt")
    return {"words": params.words}
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    plugin = tmp_path / "plugins" / "talker"
    plugin.mkdir(parents=True)
    (plugin / "config.yaml").write_text(_CONFIG)
    (plugin / "talker.py").write_text(_CODE)
    with open_workspace(tmp_path / "home", (tmp_path / "plugins",), environ={}) as workspace:
        yield workspace
    shutil.rmtree(tmp_path / "home", ignore_errors=True)


@pytest.fixture
def url(workspace: Workspace) -> Iterator[str]:
    with serving(workspace) as url:
        yield url


def test_a_run_is_started_followed_and_read(url: str) -> None:
    with PipelineServiceClient(url, ADMIN_TOKEN) as client:
        started = client.start_run("talker", "talk", {"words": 4}, idempotency_key="once")
        again = client.start_run("talker", "talk", {"words": 4}, idempotency_key="once")
        events = [event for event, _ in client.stream_events(started.id)]
        ended = client.wait_run(started.id)

        assert again.id == started.id
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert events[-1].data["status"] == "succeeded"
        assert (ended.status, ended.result) == (RunStatus.SUCCEEDED, {"words": 4})
        lines, _ = client.read_logs(started.id)
        assert [line for line in lines if line.startswith("word")] == [
            f"word {number}" for number in range(4)
        ]
        (artifact,) = client.list_artifacts(started.id)
        assert b"".join(client.read_artifact(started.id, artifact.name)) == b"words " * 4
        listed = client.list_runs(RunFilter(plugin="talker"))
        assert [run.id for run in listed.items] == [started.id]
        page = client.read_events(started.id, kinds=[EventKind.PROGRESS])
        assert len(page.items) == 4
        rerun = client.wait_run(client.rerun(started.id, {"words": 1}).id)
        assert rerun.result == {"words": 1}
        client.delete_run(rerun.id)
        assert len(client.list_runs().items) == 1


def test_a_stream_goes_on_from_any_cursor(url: str) -> None:
    with PipelineServiceClient(url, ADMIN_TOKEN) as client:
        run = client.wait_run(client.start_run("talker", "talk").id)
        seen = list(client.stream_events(run.id))
        for position, (event, cursor) in enumerate(seen):
            rest = [later.seq for later, _ in client.stream_events(run.id, after=cursor)]
            assert rest == [later.seq for later, _ in seen[position + 1 :]], event.seq


def test_a_run_that_cannot_be_is_refused_as_it_is_at_home(url: str) -> None:
    with PipelineServiceClient(url, ADMIN_TOKEN) as client:
        with pytest.raises(PluginNotFoundError):
            client.start_run("nobody", "talk")
        with pytest.raises(ParamsError) as caught:
            client.start_run("talker", "talk", {"words": "many"})

        assert caught.value.data["problems"]
        assert client.list_runs().items == ()
    with PipelineServiceClient(url, READ_TOKEN) as reader, pytest.raises(RefusedError):
        reader.start_run("talker", "talk")


def test_many_follow_many_runs_with_one_event_loop(url: str) -> None:
    async def follow(client: AsyncPipelineServiceClient, run_id: str) -> list[int]:
        return [event.seq async for event, _ in client.stream_events(run_id)]

    async def everything() -> None:
        async with AsyncPipelineServiceClient(url, ADMIN_TOKEN) as client:
            runs = await asyncio.gather(
                *(client.start_run("talker", "talk", {"words": number}) for number in range(4))
            )
            followed = await asyncio.gather(
                *(follow(client, run.id) for run in runs for _ in range(5))
            )
            ended = await asyncio.gather(*(client.wait_run(run.id) for run in runs))
            assert [run.result for run in ended] == [{"words": number} for number in range(4)]
            assert all(seqs == list(range(1, len(seqs) + 1)) for seqs in followed)
            assert len(await client.list_artifacts(runs[1].id)) == 1
            pieces = [piece async for piece in client.read_artifact(runs[2].id, "a/words.txt")]
            assert b"".join(pieces) == b"words words "
            assert await client.version()

    asyncio.run(everything())


def test_a_service_that_is_started_anew_is_followed_on(workspace: Workspace) -> None:
    with serving(workspace) as url:
        port = int(url.rsplit(":", 1)[1])
        client = PipelineServiceClient(url, ADMIN_TOKEN, patience_s=20)
        run = client.wait_run(client.start_run("talker", "talk").id)
        stream = client.stream_events(run.id)
        seen = [next(stream)[0].seq]
    with serving(workspace, port=port):
        seen += [event.seq for event, _ in stream]

        assert seen == list(range(1, len(seen) + 1))
        assert client.get_run(run.id) == run
    client.close()

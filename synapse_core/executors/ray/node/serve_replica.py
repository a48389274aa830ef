"""What a replica of Ray Serve does: batches requests and keeps models for a process beside it.

Nothing of a plugin is imported here: Serve's own processes never meet it.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from synapse_core.config.home import Home
from synapse_core.dependencies.building import provide
from synapse_core.dependencies.session import Watcher
from synapse_core.dependencies.venvs import Venvs
from synapse_core.executors.placement import Placement, Placements
from synapse_core.executors.ray.node.launch import visible_devices
from synapse_core.serving.held import Command
from synapse_core.serving.http import Front
from synapse_core.serving.problems import Refusal
from synapse_core.serving.release import Release, ServeSettings
from synapse_core.serving.replica import Answer, Replica, Say
from synapse_core.serving.shelf import Shelf
from synapse_core.types import JSONValue

__all__ = ["ServeReplica"]

_Item = tuple[str, JSONValue]
_Batch = Callable[[_Item], Awaitable[Answer]]


class ServeReplica:
    """The class that Ray Serve makes replicas of.

    Args:
        home_root: Root of the home, on a disk that this machine sees.
        name: Name of the deployment.
    """

    def __init__(self, home_root: str, name: str) -> None:
        # The module itself must not need Ray: the driver imports it before it knows Ray is there.
        self._serve = import_module("ray.serve")
        self._home = Home(Path(home_root))
        self._holds = ExitStack()
        replica_id = self._serve.get_replica_context().replica_id.unique_id
        self._replica = Replica(Shelf(self._home), name, replica_id, self._prepare)
        self._front = Front(self._replica, self._answer, self._have_loaded)
        self._batch: tuple[ServeSettings, _Batch] | None = None
        # Serve looks for this at the instance, to route requests to replicas that have the model.
        self._load_model: Any = None
        self._most_models = 0

    async def reconfigure(self, _config: object) -> None:
        """Begin: Serve calls it once before the first request, and waits for it."""
        self._loop = asyncio.get_running_loop()
        if self._replica.release is None:
            await self._replica.follow()

    async def __call__(self, request: Any) -> Any:  # noqa: ANN401 - of Starlette's, which Serve speaks
        """Answer one request."""
        return await self._front.respond(request)

    async def check_health(self) -> None:
        """Tell Serve whether this replica can answer; one that cannot is replaced."""
        self._replica.check_health()

    async def __del__(self) -> None:
        """End the process; Serve waits for this when it stops a replica."""
        await self._replica.close()
        self._holds.close()

    async def _answer(self, model_id: str, body: JSONValue) -> Answer:
        release = self._replica.release
        if release is None or release.settings.batch_size == 1:
            return (await self._replica.answer(model_id, [body]))[0]
        if self._batch is None or self._batch[0] != release.settings:
            self._batch = release.settings, self._batched(release.settings)
        return await self._batch[1]((model_id, body))

    def _batched(self, settings: ServeSettings) -> _Batch:
        async def answer_all(items: list[_Item]) -> list[Answer]:
            # Serve puts only requests for the same model into one batch.
            return await self._replica.answer(items[0][0], [body for _, body in items])

        wrapped: _Batch = self._serve.batch(
            max_batch_size=settings.batch_size,
            batch_wait_timeout_s=settings.batch_wait_s,
            max_concurrent_batches=settings.concurrency,
        )(answer_all)
        return wrapped

    async def _have_loaded(self, model_id: str) -> None:
        release = self._replica.release
        most = release.settings.models if release is not None else 1
        if self._load_model is None or most != self._most_models:
            self._most_models = most
            self._load_model = self._multiplexed(most)
        await self._load_model(model_id)

    def _multiplexed(self, most: int) -> Callable[[str], Awaitable["_Loaded"]]:
        async def load(model_id: str) -> _Loaded:
            status, document = await self._replica.load(model_id)
            if status >= 400:  # noqa: PLR2004 - where errors begin
                raise Refusal(status, document)
            unload = partial(self._replica.unload, model_id)
            return _Loaded(partial(self._loop.call_soon_threadsafe, unload))

        keep: Callable[[str], Awaitable[_Loaded]] = self._serve.multiplexed(
            max_num_models_per_replica=most
        )(load)
        return keep

    def _prepare(self, release: Release, say: Say) -> Command:
        """Return how to start the process; called in a thread, since libraries may be installed."""
        placements = Placements(self._home, release.environ, dict(visible_devices()))
        folder = Path(release.folder)
        placement = placements.find(folder)
        if placement.installer is not None:
            _install(self._home, folder, placement, say)
            placement = placements.find(folder)
        python = sys.executable
        if placement.venv is not None:
            self._holds.enter_context(placement.venv.in_use())
            python = str(placement.venv.python)
        return Command(python, {**placement.environ, **release.env})


class _Loaded:
    """Stands for a model that is loaded in the process; when Serve drops it, so does that."""

    def __init__(self, unload: Callable[[], object]) -> None:
        self._unload: Callable[[], object] | None = unload

    def __del__(self) -> None:
        unload, self._unload = self._unload, None
        if unload is not None:
            unload()


def _install(home: Home, folder: Path, placement: Placement, say: Say) -> None:
    watcher = Watcher(
        say=say, progress=lambda _done, _all: None, is_stopped_within=_never_stopped_within
    )
    provide(Venvs(home.cache_dir), folder, placement.installer or {}, watcher)


def _never_stopped_within(pause_s: float) -> bool:
    time.sleep(pause_s)
    return False

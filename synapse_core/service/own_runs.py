"""What a service does with the runs of its own machine, whoever asks for it."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from synapse_core.errors import InvalidInputError, StorageError
from synapse_core.model.pipeline_progress import PipelineProgress
from synapse_core.model.plugin import PluginCategory
from synapse_core.model.run import ArtifactInfo, Run
from synapse_core.operations.outputs import locate_output
from synapse_core.operations.pipelines.documents import description_document, listing_document
from synapse_core.operations.pipelines.verbs import (
    describe_pipeline,
    describe_startable,
    get_progress,
    list_pipelines,
)
from synapse_core.operations.plugin_documents import (
    action_document,
    page_document,
    plugin_document,
)
from synapse_core.operations.plugins import find_plugin, search_plugins
from synapse_core.operations.runs import StartRun, rerun, start_run
from synapse_core.runs.ids import is_run_id
from synapse_core.runs.whole_file import written_whole
from synapse_core.service.orders import StartOrder, parse_order
from synapse_core.types import JSONObject
from synapse_core.workspace import Workspace

__all__ = ["OwnRuns"]


class OwnRuns:
    """Implements `RunService` on a workspace of this machine.

    Args:
        workspace: Where the runs are.
        forget: Called with a run before it is removed, so that nobody holds on to its files.
    """

    def __init__(
        self, workspace: Workspace, forget: Callable[[str], None] = lambda _run_id: None
    ) -> None:
        self._workspace = workspace
        self._forget = forget

    @property
    def url(self) -> str:
        """Where the home is."""
        return self._workspace.home.root.as_uri()

    def start(self, order: JSONObject) -> Run:
        """Start a run, or only check what was ordered."""
        asked = parse_order(StartOrder, order)
        if asked.rerun_of is not None and asked.plugin is None:
            return rerun(
                self._workspace,
                asked.rerun_of,
                params=asked.params,
                resume=asked.resume,
                dry_run=asked.dry_run,
            )
        if asked.plugin is None or asked.action is None:
            raise InvalidInputError(
                "The order names no plugin and action.", hint="Name both, or a run with rerun_of."
            )
        request = StartRun(
            plugin=asked.plugin,
            action=asked.action,
            params=asked.params,
            executor=asked.executor,
            timeout_s=asked.timeout_s,
            retries=asked.retries,
            env=asked.env,
            idempotency_key=asked.idempotency_key,
            dry_run=asked.dry_run,
            rerun_of=asked.rerun_of,
            resume=asked.resume,
        )
        return start_run(self._workspace, request)

    def delete(self, run_ids: Sequence[str], *, dry_run: bool) -> int:
        """Remove ended runs with all they left, and return the bytes that frees."""
        return self.remove(run_ids, dry_run=dry_run)[1]

    def remove(self, run_ids: Sequence[str], *, dry_run: bool) -> tuple[list[str], int]:
        """Remove the runs that have ended; return their ids and the size of what they left."""
        store, home = self._workspace.runs, self._workspace.home
        ended: list[str] = []
        freed = 0
        for run_id in dict.fromkeys(run_ids):
            try:
                is_ended = store.get(run_id).status.is_terminal
            except LookupError:
                continue
            if not is_ended:
                continue
            ended.append(run_id)
            if not is_run_id(run_id):  # it has no folder, and must not become a path
                continue
            folder = home.run_dir(run_id)
            freed += sum(file.lstat().st_size for file in folder.rglob("*") if not file.is_dir())
            if not dry_run:
                self._forget(run_id)
                # Folder first: a run that is listed without one can be removed again.
                _remove_folder(folder)
        if not dry_run:
            store.delete(ended)
        return ended, freed

    def fetch(self, run_id: str, artifact: ArtifactInfo, to: Path) -> None:
        """Copy a file of a run; `to` is written whole or not at all."""
        _, path = locate_output(self._workspace, run_id, artifact.name)
        with path.open("rb") as source, written_whole(to) as file:
            shutil.copyfileobj(source, file)

    def plugins(
        self, query: str, *, category: str | None, limit: int, cursor: str | None
    ) -> JSONObject:
        """Return a page of the plugins."""
        wanted = None if category is None else _category(category)
        page = search_plugins(self._workspace, query, category=wanted, limit=limit, cursor=cursor)
        return page_document(page)

    def plugin(self, code: str) -> JSONObject:
        """Return a plugin."""
        return plugin_document(find_plugin(self._workspace, code))

    def action(self, plugin: str, name: str) -> JSONObject:
        """Return an action, or a pipeline told as one."""
        found = find_plugin(self._workspace, plugin)
        return action_document(describe_startable(self._workspace, found, name))

    def pipelines(self, plugin: str | None) -> list[JSONObject]:
        """Return the pipelines that can be started, of one plugin or of all."""
        return [listing_document(one) for one in list_pipelines(self._workspace, plugin)]

    def pipeline(self, plugin: str, name: str) -> JSONObject:
        """Return a pipeline, checked, with the schema of its params."""
        return description_document(describe_pipeline(self._workspace, plugin, name))

    def progress(self, run_id: str) -> PipelineProgress:
        """Return how a pipeline run stands, with each of its nodes."""
        return get_progress(self._workspace, run_id)


def _category(name: str) -> PluginCategory:
    try:
        return PluginCategory(name)
    except ValueError:
        known = ", ".join(PluginCategory)
        raise InvalidInputError(
            f"There is no category {name[:80]!r}.", hint=f"There are: {known}."
        ) from None


def _remove_folder(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StorageError(
            f"Cannot remove {folder}: {error.strerror}.", hint="Check its permissions."
        ) from error

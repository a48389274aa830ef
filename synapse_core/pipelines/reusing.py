"""Finds results that need not be made again: of the run that is resumed, and of the cache."""

import contextlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from synapse_core.config.home import Home
from synapse_core.errors import RunNotFoundError
from synapse_core.model.run import Run, RunKind, RunStatus
from synapse_core.pipelines.fingerprint import digest_inputs
from synapse_core.pipelines.schedule import Call
from synapse_core.pipelines.undone import Undone, ancestry
from synapse_core.ports import RunStore
from synapse_core.runs.ids import is_run_id
from synapse_core.runs.nodes import list_nodes

__all__ = ["Reuse", "Reuser"]

_DONE = frozenset({RunStatus.SUCCEEDED, RunStatus.SKIPPED})
"""A node that was skipped because an earlier result was taken has that result, too."""


@dataclass(frozen=True, slots=True)
class Reuse:
    """An earlier execution of a node that a new one builds on.

    Attributes:
        run: The earlier one.
        is_whole: Whether its result is taken; else only its checkpoints are.
        reason: What is told of it.
    """

    run: Run
    is_whole: bool
    reason: str


class Reuser:
    """Looks for earlier executions.

    Args:
        home: Where the cache lies.
        store: Where the runs are kept.
        pipeline_run: The run that is being executed.
        warn: Tells why a finished node is executed again.
    """

    def __init__(
        self, home: Home, store: RunStore, pipeline_run: Run, warn: Callable[[str], None]
    ) -> None:
        self._folder = home.cache_dir / "nodes"
        self._store = store
        self._warn = warn
        self._from = pipeline_run.rerun_of if pipeline_run.resume else None
        self._earlier: dict[str, list[Run]] = {}
        self._undone = Undone(home, store)
        if self._from is not None:
            self._gather(pipeline_run)
        self._files: dict[str, Path] = {}

    def find(self, call: Call) -> Reuse | None:
        """Return what an execution can build on; None when it begins from nothing."""
        earlier = self._earlier.get(call.key, [])
        found = [one for run in earlier if (one := self._compare(call, run)) is not None]
        whole = next((one for one in found if one.is_whole), None)
        if whole is not None or found:
            return whole or found[0]
        return self._look_up(call) if call.node.cache else None

    def keep(self, call: Call, run: Run) -> None:
        """Remember a result for the cache."""
        if not call.node.cache or run.status is not RunStatus.SUCCEEDED:
            return
        target = self._file(call)
        draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
        with contextlib.suppress(OSError):  # a cache that cannot be written is only slow
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft.write_text(run.id, encoding="ascii")
            draft.replace(target)

    def _gather(self, pipeline_run: Run) -> None:
        """Note the executions of each node, in the runs that this one goes on with.

        Newest first, to the first that finished: one that was made to take an earlier result over,
        and stopped before it had, must not hide that result.
        """
        settled: set[str] = set()
        for one in islice(ancestry(self._store, pipeline_run), 1, None):
            for node in list(list_nodes(self._store, one.id)):
                if node.node not in settled:
                    self._earlier.setdefault(node.node, []).append(node)
                    if node.status in _DONE:
                        settled.add(node.node)

    def _compare(self, call: Call, earlier: Run) -> Reuse | None:
        run = self._store.get(earlier.id)  # with params and result
        undone_by = self._undone.by(run)
        if undone_by is not None:
            self._warn(f"{call.key} runs again: it was undone in {undone_by}.")
            return None
        is_pipeline = call.node.target.plan is not None
        changed = [
            what
            for what, is_changed in (
                ("its code", run.code != call.node.target.code),
                ("its params", run.params != call.params),
                ("its action", run.entrypoint != call.node.target.entrypoint),
            )
            if is_changed
        ]
        if is_pipeline and (run.status not in _DONE or changed or self._undone.is_within(run)):
            # It looks at each of its own nodes itself.
            is_begun = run.status is not RunStatus.PENDING and run.kind is RunKind.PIPELINE
            return Reuse(run, is_whole=False, reason="") if is_begun else None
        if run.status not in _DONE:
            is_same = not changed and run.status is not RunStatus.PENDING
            return Reuse(run, is_whole=False, reason="") if is_same else None
        if changed:
            listed = " and ".join(changed)
            verb = "has" if len(changed) == 1 and changed != ["its params"] else "have"
            self._warn(f"{call.key} runs again: {listed} {verb} changed since {self._from}.")
            return None
        return Reuse(run, is_whole=True, reason=f"finished in {self._from}")

    def _look_up(self, call: Call) -> Reuse | None:
        try:
            run_id = self._file(call).read_text(encoding="ascii")
            run = self._store.get(run_id) if is_run_id(run_id) else None
        except (OSError, UnicodeDecodeError, RunNotFoundError):
            return None
        if run is None or run.status is not RunStatus.SUCCEEDED or not self._holds(run):
            return None
        return Reuse(run, is_whole=True, reason=f"cached from {run.parent_id or run.id}")

    def _holds(self, run: Run) -> bool:
        """Tell whether nothing was undone of what a run did."""
        is_pipeline = run.kind is RunKind.PIPELINE
        return self._undone.by(run) is None and not (is_pipeline and self._undone.is_within(run))

    def _file(self, call: Call) -> Path:
        """Return the entry of an execution: as its inputs were before it could change them."""
        if call.key not in self._files:
            self._files[call.key] = self._folder / digest_inputs(call.node.target, call.params)
        return self._files[call.key]

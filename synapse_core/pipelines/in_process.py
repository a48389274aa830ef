"""Executes a pipeline in this process: for scripts, notebooks, debuggers and tests."""

from pathlib import Path
from typing import Any

from synapse_core.actions.failure import describe_failure
from synapse_core.actions.invoke import invoke
from synapse_core.actions.results import result_to_json
from synapse_core.errors import RunCancelledError
from synapse_core.model.event import EventKind
from synapse_core.model.pipeline import Plan, Target
from synapse_core.pipelines.drafts import Executable, PipelineDraft
from synapse_core.pipelines.schedule import Call, Schedule
from synapse_core.pipelines.telling import Teller, pipeline_error
from synapse_core.runs.endings import is_lasting
from synapse_core.runtime.context import RuntimeContext
from synapse_core.runtime.pipeline_folders import PipelineContext
from synapse_core.runtime.progress import MAIN_CATEGORY
from synapse_core.types import JSONObject, JSONValue

__all__ = ["execute_plan"]

_NOWHERE = Path("/nonexistent")
"""No code of an action counts as the plugin's own here."""


def execute_plan(
    plan: Plan, draft: PipelineDraft, params: JSONObject, context: RuntimeContext
) -> Any:  # noqa: ANN401 - whatever the last action returns
    """Execute the nodes one after the other.

    Args:
        plan: The graph.
        draft: What it was made of: the actions themselves.
        params: Params of the pipeline.
        context: All that it may touch.

    Raises:
        PipelineError: A node failed.
        RunCancelledError: It was cancelled.
    """
    return _Execution(plan, draft, params, context).run()


class _Execution:
    def __init__(
        self,
        plan: Plan,
        draft: PipelineDraft,
        params: JSONObject,
        context: RuntimeContext,
    ) -> None:
        self._schedule = Schedule(plan, params)
        self._drafts = {node.name: node for node in draft.nodes}
        self._context = context
        self._teller = Teller(context, self._schedule)
        folders = PipelineContext(plan.name, "shared", context.pipeline_base)
        self._folders = context.pipeline or folders
        self._values: dict[str, object] = {}
        self._succeeded: list[tuple[Call, JSONValue]] = []
        self._inner: dict[str, _Execution] = {}
        self._undone: set[str] = set()
        self._error: BaseException | None = None

    def run(self) -> Any:  # noqa: ANN401 - whatever the last action returns
        schedule = self._schedule
        while calls := schedule.take(1):
            self._teller.tell()
            self._make(calls[0])
            self._teller.tell()
        if schedule.failed:
            schedule.close()
            self._teller.tell()
            self._roll_back()
            raise pipeline_error(schedule, undone=self._undone) from self._error
        self._teller.tell()
        return self._result()

    def _make(self, call: Call) -> None:
        self._context.check_cancelled()
        attempt = 1
        while True:
            try:
                action = self._drafts[call.node.name].action
                value = self._invoke(action, call.node.target, call.params, call.key)
                result = result_to_json(value)
            except RunCancelledError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever an action raises is its failure
                failure = describe_failure(error, _NOWHERE)
                pause_s = call.node.retry.wait_s(attempt)
                if pause_s is None or is_lasting(failure):
                    self._error = self._error or error
                    self._schedule.fail(call, failure)
                    return
                self._context.sleep(pause_s)
                attempt += 1
            else:
                self._values[call.node.name] = value
                self._succeeded.append((call, result))
                self._schedule.succeed(call, result)
                return

    def _invoke(self, action: Executable, target: Target, params: JSONObject, key: str) -> object:
        if isinstance(action, str):
            raise TypeError(f"{action} is only named")
        sink = _NodeSink(self._context, key)
        with self._context.branch(key, sink, pipeline=self._folders) as context:
            if isinstance(action, PipelineDraft):
                plan = target.plan or self._schedule.plan
                inner = _Execution(plan, action, params, context)
                self._inner[key] = inner
                return inner.run()
            return invoke(action, params, context)

    def _roll_back(self) -> None:
        """Undo what can be undone, the latest first."""
        for call, result in reversed(self._succeeded):
            action, target = self._drafts[call.node.name].undo, call.node.undo
            inner = self._inner.get(call.key)
            if action is not None and target is not None:
                self._undo(call, result, action, target)
            elif inner is not None:
                sink = _NodeSink(self._context, call.key)
                with self._context.branch(call.key, sink, pipeline=self._folders) as context:
                    if inner.roll_back_in(context):
                        self._undone.add(call.node.name)

    def roll_back_in(self, context: RuntimeContext) -> bool:
        """Undo it after it has ended well, since what it is a part of has failed.

        Returns:
            Whether there was anything to undo.
        """
        self._context = context
        self._roll_back()
        return bool(self._undone)

    def _undo(self, call: Call, result: JSONValue, action: Executable, target: Target) -> None:
        self._undone.add(call.node.name)
        params = target.undo_params(call.params, result)
        transition, reason = "rolled_back", ""
        try:
            self._invoke(action, target, params, f"{call.key}-undo")
        except Exception as error:  # noqa: BLE001 - the other nodes are undone all the same
            transition, reason = "rollback_failed", str(error)
        self._context.emit(
            EventKind.STEP, {"name": call.key, "transition": transition, "error": reason}
        )

    def _result(self) -> object:
        """Return what the pipeline came to; of a single node, what its action returned as it is."""
        plan = self._schedule.plan
        needed = {name for node in plan.nodes for name in node.needs}
        last = [node for node in plan.nodes if node.name not in needed]
        if plan.output is None and len(last) == 1 and last[0].over is None:
            return self._values.get(last[0].name)
        return self._schedule.result()


class _NodeSink:
    """Passes the events of a node on, with its name on them; implements `EventSink`."""

    def __init__(self, context: RuntimeContext, key: str) -> None:
        self._context = context
        self._key = key

    def emit(self, kind: EventKind, data: JSONObject) -> int:
        """Record the event among those of the pipeline."""
        told = {**data, "node": self._key}
        category = told.get("category")
        if isinstance(category, str):
            told["category"] = self._key if category == MAIN_CATEGORY else f"{self._key}/{category}"
        if kind is EventKind.STEP:
            told["name"] = f"{self._key}/{told['name']}"
        if kind is EventKind.ARTIFACT:
            for name in ("name", "path"):
                inner = f"nodes/{self._key}" if name == "path" else self._key
                told[name] = f"{inner}/{told[name]}"
        return self._context.emit(kind, told)

"""Starting runs."""

from functools import partial
from typing import Annotated, Self

from pydantic import Field, JsonValue, model_validator

from synapse_core.logs.redact import Redactor
from synapse_core.model.run import Run
from synapse_core.operations.environments import run_variables
from synapse_core.operations.runs import StartRun, find_run, rerun, start_run
from synapse_core.workspace import Workspace
from synapse_mcp.calls import Call
from synapse_mcp.results.base import suggest
from synapse_mcp.results.runs import RunView
from synapse_mcp.tools.declaration import Arguments, Effect, JsonText, Tool
from synapse_mcp.tools.showing import show_run
from synapse_mcp.tools.waiting import MAX_WAIT_S, wait_for_end

__all__ = ["RUN_START", "StartArguments", "run_start"]

_MAX_REPEATED = 2_000
"""A longer call is not repeated to the model that has just made it."""

_NOT_WITH_RERUN = ("timeout_s", "retries", "env", "executor", "idempotency_key")


class StartArguments(Arguments):
    """What to run, and how."""

    plugin: Annotated[str | None, Field(description="code, or path of its folder")] = None
    action: str | None = None
    params: Annotated[dict[str, JsonValue], JsonText] = Field(default_factory=dict[str, JsonValue])
    wait_s: Annotated[float, Field(ge=0, le=MAX_WAIT_S)] = 10
    timeout_s: Annotated[float | None, Field(gt=0, description="limit of an attempt")] = None
    retries: Annotated[int | None, Field(ge=0, le=100)] = None
    env: Annotated[dict[str, str], JsonText, Field(description="variables for the action")] = Field(
        default_factory=dict[str, str]
    )
    executor: str = "process"
    idempotency_key: Annotated[
        str | None, Field(max_length=200, description="the same key gives the same run")
    ] = None
    rerun_of: Annotated[
        str | None, Field(description="run to repeat instead of plugin and action; params replace")
    ] = None
    resume: Annotated[bool, Field(description="with rerun_of: keep the steps it finished")] = False
    dry_run: Annotated[bool, Field(description="only check")] = False

    @model_validator(mode="after")
    def _names_what_to_run(self) -> Self:
        if self.rerun_of is None and (self.plugin is None or self.action is None):
            missing = "plugin" if self.plugin is None else "action"
            raise ValueError(f"{missing} is required, unless rerun_of names a run to repeat")
        if self.rerun_of is not None:
            kept = [name for name in _NOT_WITH_RERUN if name in self.model_fields_set]
            if kept:
                raise ValueError(f"rerun_of keeps those of the earlier run: leave out {kept}")
        elif self.resume:
            raise ValueError("resume needs rerun_of, the run to go on from")
        return self


async def run_start(call: Call, arguments: StartArguments) -> RunView:
    """Run an action in a process of its own and wait up to wait_s for its end.

    A longer run goes on by itself: follow it with run_status. Bad params start nothing.
    """
    started = await call.blocking(partial(_start, call.workspace, arguments))
    if arguments.dry_run:
        return _checked(started, arguments)
    run = await wait_for_end(call, started.id, wait_s=arguments.wait_s)
    return await call.blocking(partial(show_run, call.workspace, run))


def _start(workspace: Workspace, arguments: StartArguments) -> Run:
    if arguments.rerun_of is not None:
        earlier = find_run(workspace, arguments.rerun_of)
        return rerun(
            workspace,
            earlier,
            params=arguments.params,
            resume=arguments.resume,
            dry_run=arguments.dry_run,
        )
    request = StartRun(
        plugin=arguments.plugin or "",
        action=arguments.action or "",
        params=arguments.params,
        executor=arguments.executor,
        timeout_s=arguments.timeout_s,
        retries=arguments.retries,
        env={**run_variables(workspace.home), **arguments.env},
        idempotency_key=arguments.idempotency_key,
        dry_run=arguments.dry_run,
    )
    return start_run(workspace, request)


def _checked(run: Run, arguments: StartArguments) -> RunView:
    given = arguments.model_dump(mode="json", exclude_unset=True, exclude={"dry_run"})
    again = suggest("run_start", **given)
    # Not with secrets, and what stands for them in all that is shown would be no use in a call.
    is_repeatable = len(again) <= _MAX_REPEATED and Redactor().value(given) == given
    return RunView(
        status="checked",
        plugin=run.plugin,
        action=run.action,
        message="Everything fits; nothing was started. Repeat the call without dry_run.",
        next=[again] if is_repeatable else [],
    )


RUN_START = Tool(
    run=run_start,
    arguments=StartArguments,
    result=RunView,
    title="Start a run",
    effect=Effect.ADDS,
    example={"plugin": "my_plugin", "action": "train", "params": {"epochs": 3}, "wait_s": 10},
    is_preloaded=True,
)

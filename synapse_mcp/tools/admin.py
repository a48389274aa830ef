"""Removing runs; off unless the toolset `admin` is on."""

from functools import partial
from typing import Annotated

from pydantic import Field

from synapse_core.operations.history import PruneReport, delete_runs
from synapse_core.operations.runs import find_run
from synapse_core.workspace import Workspace
from synapse_mcp.calls import Call, Consent
from synapse_mcp.results.base import Result, suggest
from synapse_mcp.tools.consent import declined, seek_consent
from synapse_mcp.tools.declaration import Arguments, Effect, JsonText, Tool

__all__ = ["RUN_DELETE", "DeleteArguments", "DeleteResult", "run_delete"]


class DeleteArguments(Arguments):
    """Which runs to remove."""

    run_ids: Annotated[list[str], JsonText, Field(min_length=1, max_length=50)]
    dry_run: Annotated[bool, Field(description="only tell what would go")] = False
    confirm: Annotated[str | None, Field(description="as the refusal says")] = None


class DeleteResult(Result):
    """What went, or would go."""

    deleted: list[str]
    freed_bytes: int
    dry_run: bool
    declined: bool | None = None
    message: str | None = None
    next: list[str] = Field(default_factory=list[str])


async def run_delete(call: Call, arguments: DeleteArguments) -> DeleteResult:
    """Remove ended runs for good, with their logs and artifacts. Asks for confirmation."""
    plan = await call.blocking(partial(_plan, call.workspace, arguments.run_ids))
    if arguments.dry_run:
        return _result(plan)
    what = f"{len(plan.run_ids)} run{'s' * (len(plan.run_ids) > 1)}, {plan.freed_bytes} bytes"
    consent = await seek_consent(
        call,
        f"Delete for good: {', '.join(plan.run_ids)} ({what}, logs and artifacts included)?",
        words=f"delete {what}",
        given=arguments.confirm,
    )
    if consent is not Consent.YES:
        return DeleteResult(
            deleted=[], freed_bytes=0, dry_run=False, declined=True, message=declined(consent)
        )
    report = await call.blocking(partial(delete_runs, call.workspace, plan.run_ids))
    return _result(report)


def _plan(workspace: Workspace, references: list[str]) -> PruneReport:
    run_ids = list(dict.fromkeys(find_run(workspace, reference) for reference in references))
    return delete_runs(workspace, run_ids, dry_run=True)


def _result(report: PruneReport) -> DeleteResult:
    return DeleteResult(
        deleted=list(report.run_ids),
        freed_bytes=report.freed_bytes,
        dry_run=report.dry_run,
        next=[suggest("run_list", limit=5)],
    )


RUN_DELETE = Tool(
    run=run_delete,
    arguments=DeleteArguments,
    result=DeleteResult,
    title="Delete runs",
    effect=Effect.DESTROYS,
    example={"run_ids": ["20260131-120000-abcdefgh"], "dry_run": True},
    search_hint="remove prune clean up old runs",
)

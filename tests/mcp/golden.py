"""Definitions and sample texts of every tool, compared with `golden.json`.

    .venv/bin/python -m tests.mcp.golden --write

writes the file anew: look at its diff as at that of a page which every model reads.
"""

import json
import sys
from pathlib import Path
from typing import Any

from synapse_core.model.event import LogLevel
from synapse_core.model.run import ArtifactInfo, Frame, Run, RunFailure, RunStatus, RunSummary
from synapse_core.operations.logs import LogLine, LogPage
from synapse_mcp.results.base import Result, suggest
from synapse_mcp.results.runs import build_run_view
from synapse_mcp.tools.admin import DeleteResult
from synapse_mcp.tools.catalog import TOOLS
from synapse_mcp.tools.checking import CheckResult
from synapse_mcp.tools.deployments import (
    DeletedDeployment,
    DeploymentList,
    DeploymentLogs,
    DeploymentResult,
)
from synapse_mcp.tools.doctor import DoctorResult
from synapse_mcp.tools.outputs import OutputsResult
from synapse_mcp.tools.plugins import PluginDescription, PluginList
from synapse_mcp.tools.scaffolding import ScaffoldResult
from synapse_mcp.tools.stopping import CancelResult
from synapse_mcp.tools.watching import LogsResult, RunList

FILE = Path(__file__).with_name("golden.json")

RUN_ID = "20260131-120000-abcdefgh"
CREATED = 1_769_860_800.0

DEPLOYMENT: dict[str, object] = {
    "name": "flowers-classify",
    "state": "degraded",
    "ready": "1/2",
    "plugin": "flowers",
    "action": "classify",
    "version": "1.0.0",
    "release": 2,
    "url": "http://127.0.0.1:8000/flowers-classify",
    "error": "ActionLoadError: The module 'serving' cannot be imported at serving.py:1",
    "changed": "2026-01-31T12:00:00Z",
}


def render() -> dict[str, Any]:
    """Return what stands in the file when nothing has changed."""
    return {
        "definitions": {
            tool.name: tool.definition().model_dump(mode="json", by_alias=True, exclude_none=True)
            for tool in TOOLS
        },
        "texts": {name: result.answer().text.split("\n") for name, result in samples().items()},
    }


def samples() -> dict[str, Result]:
    """Return an answer of each tool, with every field that it can have."""
    return {
        "plugin_search": PluginList.model_validate(
            {
                "plugins": [
                    {
                        "plugin": "shapes",
                        "version": "1.0.0",
                        "category": "custom",
                        "actions": ["draw", "count"],
                        "summary": "Draws and counts shapes.",
                    }
                ],
                "next_cursor": "v1:20",
                "next": [suggest("plugin_describe", plugin="shapes")],
            }
        ),
        "plugin_describe": PluginDescription.model_validate(
            {
                "plugin": "shapes",
                "version": "1.0.0",
                "category": "custom",
                "path": "/plugins/shapes",
                "action": "draw",
                "description": "Draw some shapes.",
                "needs": {"timeout_s": 60},
                "params": {"type": "object", "properties": {"shapes": {"type": "integer"}}},
                "example": {"shapes": 3},
                "next": [suggest("run_start", plugin="shapes", action="draw", params={})],
            }
        ),
        "run_start": build_run_view(_run(RunStatus.SUCCEEDED), 6_000, log=_log()),
        "run_status": build_run_view(_run(RunStatus.FAILED), 6_000, log=_log()),
        "run_logs": LogsResult.model_validate(
            {
                "run_id": RUN_ID,
                "lines": ["1 12:00:00.000 info stdout: hello"],
                "next_cursor": "v1:99",
                "eof": True,
                "truncated": False,
                "total_lines": 1,
                "total_bytes": 99,
                "next": [suggest("run_status", run_id=RUN_ID)],
            }
        ),
        "run_list": RunList.model_validate(
            {
                "runs": [
                    {
                        "run_id": RUN_ID,
                        "status": "failed",
                        "plugin": "shapes",
                        "action": "draw",
                        "created": "2026-01-31T12:00:00Z",
                        "duration_s": 1.5,
                        "error": "ValueError: no shapes",
                    }
                ],
                "next": [suggest("run_status", run_id=RUN_ID)],
            }
        ),
        "run_cancel": CancelResult(
            run_id=RUN_ID, status="cancelled", message="It has stopped.", next=[]
        ),
        "run_outputs": OutputsResult.model_validate(
            {
                "run_id": RUN_ID,
                "artifacts": [
                    {"name": "a.csv", "size_bytes": 8, "media_type": "text/csv", "file": "/a.csv"}
                ],
                "total": 1,
                "preview": "a,b\n1,2",
                "truncated": False,
                "next": [suggest("run_outputs", run_id=RUN_ID)],
            }
        ),
        "plugin_scaffold": ScaffoldResult(
            plugin="shapes",
            action="main",
            path="/plugins/shapes",
            files=["created config.yaml", "created shapes/main.py"],
            dry_run=True,
            diff="--- /dev/null\n+++ b/config.yaml\n+name: Shapes",
            next=[suggest("plugin_scaffold", name="shapes")],
        ),
        "plugin_check": CheckResult.model_validate(
            {
                "plugin": "shapes",
                "valid": False,
                "path": "/plugins/shapes",
                "actions": ["draw"],
                "errors": 1,
                "warnings": 0,
                "findings": [
                    {
                        "severity": "error",
                        "code": "attribute-missing",
                        "where": "config.yaml:12:5",
                        "key": "actions.draw.entrypoint",
                        "message": "The module 'shapes.draw' has no 'Draw'.",
                        "fix": "Did you mean 'DrawAction'?",
                    }
                ],
                "next": [suggest("plugin_check", path="/plugins/shapes")],
            }
        ),
        "deployment_list": DeploymentList.model_validate(
            {
                "deployments": [DEPLOYMENT],
                "truncated": "the first 1 of 2",
                "next": [suggest("deployment_logs", name="flowers-classify")],
            }
        ),
        "deployment_apply": DeploymentResult.model_validate(
            {
                "deployment": DEPLOYMENT,
                "message": "It answers, but not as it is wanted: see error.",
                "next": [suggest("deployment_list")],
            }
        ),
        "deployment_logs": DeploymentLogs(
            name="flowers-classify",
            lines=["2026-01-31T12:00:00Z ab12cd34 info worker: Release 1 is ready"],
            next_cursor="eyJhIjoxfQ==",
            eof=False,
            next=[suggest("deployment_logs", name="flowers-classify", cursor="eyJhIjoxfQ==")],
        ),
        "deployment_delete": DeletedDeployment(
            name="flowers-classify",
            deleted=True,
            message="Nothing answers at its address any more.",
            next=[suggest("deployment_list")],
        ),
        "run_delete": DeleteResult(
            deleted=[RUN_ID], freed_bytes=4096, dry_run=False, next=[suggest("run_list", limit=5)]
        ),
        "env_doctor": DoctorResult.model_validate(
            {
                "healthy": False,
                "problems": [
                    {
                        "check": "store",
                        "level": "error",
                        "message": "The run store cannot be used.",
                        "fix": "Free disk space.",
                    }
                ],
                "fine": ["home", "worker"],
                "versions": {"synapse": "1.0.0", "python": "3.13.1"},
                "next": [suggest("env_doctor")],
            }
        ),
    }


def _run(status: RunStatus) -> Run:
    is_bad = status is RunStatus.FAILED
    return Run(
        id=RUN_ID,
        plugin="shapes",
        action="draw",
        entrypoint="shapes.draw:DrawAction",
        plugin_path="/plugins/shapes",
        status=status,
        attempt=1,
        created_at=CREATED,
        started_at=CREATED,
        finished_at=CREATED + 1.5,
        result=None if is_bad else {"drawn": 3, "note": None},
        failure=_failure() if is_bad else None,
        summary=RunSummary(
            metrics={"draw": {"shapes": 3}},
            artifacts={"drawing.json": ArtifactInfo("drawing.json", "drawing.json", 9, "")},
            last_message="Drawn.",
            log_lines=1,
        ),
    )


def _failure() -> RunFailure:
    return RunFailure(
        type="ValueError",
        message="no shapes",
        code="action_failed",
        hint="Give at least one.",
        where=Frame("/plugins/shapes/shapes/draw.py", 18, "execute", "raise ValueError(text)"),
        traceback="",
    )


def _log() -> LogPage:
    line = LogLine(seq=2, time=CREATED, level=LogLevel.INFO, source="stdout", text="hello")
    return LogPage(
        lines=(line,), next_cursor="v1:99", eof=True, truncated=False, total_lines=1, total_bytes=99
    )


if __name__ == "__main__":
    text = json.dumps(render(), indent=1, ensure_ascii=False) + "\n"
    if "--write" in sys.argv:
        FILE.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)

"""What runs left behind."""

from typing import Annotated, ClassVar

from pydantic import Field

from synapse_core.model.run import ArtifactInfo
from synapse_core.operations.outputs import list_outputs, preview_output
from synapse_core.operations.runs import find_run
from synapse_core.workspace import Workspace
from synapse_mcp.calls import Call
from synapse_mcp.results.base import Result, Row, fit, suggest
from synapse_mcp.tools.declaration import Arguments, Effect, RunReference, Tool

__all__ = ["RUN_OUTPUTS", "OutputsArguments", "OutputsResult", "run_outputs"]

_MAX_LISTED = 100
_MAX_PREVIEW = 8_000


class OutputsArguments(Arguments):
    """Which run, and which of its files."""

    run_id: RunReference
    path: Annotated[str | None, Field(max_length=1000, description="an artifact to preview")] = None
    preview: Annotated[int, Field(ge=1, le=500, description="lines of it")] = 20


class ArtifactView(Row):
    """A file saved by the run."""

    name: str
    size_bytes: int
    media_type: str
    sha256: str | None = None
    file: str | None = None


class OutputsResult(Result):
    """The artifacts of a run, or the beginning of one."""

    quoted: ClassVar[frozenset[str]] = frozenset({"preview"})

    run_id: str
    artifacts: list[ArtifactView]
    total: int
    preview: str | None = None
    truncated: bool | None = None
    next: list[str] = Field(default_factory=list[str])


def run_outputs(call: Call, arguments: OutputsArguments) -> OutputsResult:
    """List the files that a run saved, or preview the one at path.

    Files lie on this machine, at `file`; the resource run://{run_id}/outputs/{path} has them whole.
    """
    run_id = find_run(call.workspace, arguments.run_id)
    if arguments.path is None:
        return _listed(call.workspace, run_id)
    return _previewed(call.workspace, run_id, arguments.path, arguments.preview)


def _listed(workspace: Workspace, run_id: str) -> OutputsResult:
    artifacts = list_outputs(workspace, run_id)

    def build(most: int) -> OutputsResult:
        shown = artifacts[:most]
        return OutputsResult(
            run_id=run_id,
            artifacts=[_view(artifact) for artifact in shown],
            total=len(artifacts),
            truncated=True if len(shown) < len(artifacts) else None,
            next=[
                *(suggest("run_outputs", run_id=run_id, path=item.name) for item in shown[:2]),
                suggest("run_status", run_id=run_id),
            ],
        )

    return fit(build, _MAX_LISTED)


def _previewed(workspace: Workspace, run_id: str, name: str, lines: int) -> OutputsResult:
    def build(max_chars: int) -> OutputsResult:
        found = preview_output(workspace, run_id, name, lines=lines, max_chars=max_chars)
        view = _view(found.artifact)
        return OutputsResult(
            run_id=run_id,
            artifacts=[
                view.model_copy(update={"sha256": found.artifact.sha256, "file": str(found.path)})
            ],
            total=1,
            preview=None if found.is_binary else found.text,
            truncated=found.truncated,
            next=[suggest("run_outputs", run_id=run_id)],
        )

    return fit(build, _MAX_PREVIEW)


def _view(artifact: ArtifactInfo) -> ArtifactView:
    return ArtifactView(
        name=artifact.name, size_bytes=artifact.size_bytes, media_type=artifact.media_type
    )


RUN_OUTPUTS = Tool(
    run=run_outputs,
    arguments=OutputsArguments,
    result=OutputsResult,
    title="Show a run's files",
    effect=Effect.READS,
    example={"run_id": "last"},
    search_hint="artifacts files results of a run",
)

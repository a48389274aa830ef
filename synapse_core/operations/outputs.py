"""What a run left: its artifacts."""

from dataclasses import dataclass
from pathlib import Path

from synapse_core.model.run import ArtifactInfo
from synapse_core.workspace import Workspace

__all__ = ["OutputPreview", "list_outputs", "locate_output", "preview_output"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputPreview:
    """The beginning of an artifact.

    Attributes:
        artifact: What it is.
        path: Absolute path of the file.
        text: Its first lines as safe text; empty for binary content.
        is_binary: Whether it is not text.
        truncated: Whether more follows.
    """

    artifact: ArtifactInfo
    path: Path
    text: str
    is_binary: bool
    truncated: bool


def list_outputs(workspace: Workspace, run_id: str) -> tuple[ArtifactInfo, ...]:
    """Return the artifacts of the run, in the order they were first saved."""
    raise NotImplementedError


def locate_output(workspace: Workspace, run_id: str, name: str) -> tuple[ArtifactInfo, Path]:
    """Return an artifact and the absolute path of its file.

    Raises:
        ArtifactNotFoundError: No such artifact; the hint lists those there are.
        PathRefusedError: The file was replaced by something outside the run's folder.
    """
    raise NotImplementedError


def preview_output(
    workspace: Workspace, run_id: str, name: str, *, lines: int = 20, max_chars: int = 8000
) -> OutputPreview:
    """Return the first lines of an artifact."""
    raise NotImplementedError

"""What a run left: its artifacts."""

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from synapse_core.errors import (
    ArtifactNotFoundError,
    InvalidInputError,
    PathRefusedError,
    nearest,
)
from synapse_core.logs.display import neutralise
from synapse_core.model.run import ArtifactInfo
from synapse_core.operations.discretion import redactor_of
from synapse_core.operations.fetching import fetch_output
from synapse_core.operations.runs import get_run
from synapse_core.types import JSONValue
from synapse_core.workspace import Workspace

__all__ = ["OutputPreview", "list_outputs", "locate_output", "preview_output", "read_output"]

_MAX_LINE_CHARS = 2000
_SNIFFED_BYTES = 8192
"""A file with a NUL byte or broken UTF-8 in so many bytes is binary; git decides alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputPreview:
    """The beginning of an artifact.

    Attributes:
        artifact: What it is.
        path: Absolute path of the file.
        text: Its first lines as safe text, without secrets; empty for binary content.
        is_binary: Whether it is not text.
        truncated: Whether more follows.
    """

    artifact: ArtifactInfo
    path: Path
    text: str
    is_binary: bool
    truncated: bool


def list_outputs(workspace: Workspace, run_id: str) -> tuple[ArtifactInfo, ...]:
    """Return the artifacts of the run, in the order they were first saved.

    Raises:
        RunNotFoundError: No such run.
    """
    return tuple(get_run(workspace, run_id).summary.artifacts.values())


def locate_output(workspace: Workspace, run_id: str, name: str) -> tuple[ArtifactInfo, Path]:
    """Return an artifact and the absolute path of its file.

    Raises:
        ArtifactNotFoundError: No such artifact; the hint lists those there are.
        PathRefusedError: The file was replaced by something outside the run's folder.
        StorageError: It is a service's, and did not arrive as it was saved.
    """
    artifacts = {artifact.name: artifact for artifact in list_outputs(workspace, run_id)}
    artifact = artifacts.get(name)
    if artifact is None:
        listed = ", ".join(islice(artifacts, 20)) or "none"
        raise ArtifactNotFoundError(
            f"Run {run_id} saved no artifact {name!r}.",
            hint=f"{nearest(name, artifacts)} It saved: {listed}.".strip(),
            run_id=run_id,
            known=list[JSONValue](artifacts),
        )
    if workspace.service is not None:
        return artifact, fetch_output(workspace.home, workspace.service, run_id, artifact)
    folder = workspace.home.run_dir(run_id).resolve()
    path = (folder / artifact.path).resolve()
    if not path.is_relative_to(folder):
        raise PathRefusedError(
            f"The artifact {name!r} leads outside the folder of its run.",
            hint="Something replaced it by a link. Run the action again.",
            run_id=run_id,
        )
    if not path.is_file():
        raise ArtifactNotFoundError(
            f"The file of artifact {name!r} is gone from {path}.",
            hint="It was removed after the run. Run the action again.",
            run_id=run_id,
        )
    return artifact, path


def preview_output(
    workspace: Workspace, run_id: str, name: str, *, lines: int = 20, max_chars: int = 8000
) -> OutputPreview:
    """Return the first lines of an artifact.

    Raises:
        ArtifactNotFoundError: No such artifact.
    """
    artifact, path = locate_output(workspace, run_id, name)
    if _is_binary(path):
        return OutputPreview(
            artifact=artifact, path=path, text="", is_binary=True, truncated=artifact.size_bytes > 0
        )
    redactor = redactor_of(workspace.runs.get(run_id))
    shown: list[str] = []
    size = 0
    with path.open(encoding="utf-8", errors="backslashreplace", newline="\n") as file:
        # Bounded reads: one line may be as long as the file.
        while line := file.readline(_MAX_LINE_CHARS):
            size += len(line)
            if len(shown) >= lines or size > max_chars:
                return OutputPreview(
                    artifact=artifact,
                    path=path,
                    text="\n".join(shown),
                    is_binary=False,
                    truncated=True,
                )
            shown.append(neutralise(redactor.text(line.rstrip("\r\n"))))
    return OutputPreview(
        artifact=artifact, path=path, text="\n".join(shown), is_binary=False, truncated=False
    )


def read_output(workspace: Workspace, run_id: str, name: str, *, max_bytes: int) -> str | bytes:
    """Return the whole of an artifact: text without secrets, or bytes as they are.

    Raises:
        ArtifactNotFoundError: No such artifact.
        InvalidInputError: It is larger than `max_bytes`; the hint says where it lies.
        PathRefusedError: The file was replaced by something outside the run's folder.
    """
    _, path = locate_output(workspace, run_id, name)
    with path.open("rb") as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise InvalidInputError(
            f"The artifact {name!r} has more than {max_bytes} bytes.",
            hint=f"Read the file where it lies: {path}",
        )
    if b"\0" in data:
        return data
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return data
    return redactor_of(workspace.runs.get(run_id)).text(text)


def _is_binary(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(_SNIFFED_BYTES)
    if b"\0" in head:
        return True
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start < len(head) - 4  # the cut itself may split the last character
    return False

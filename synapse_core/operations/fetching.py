"""Files of runs that a service has, brought here when somebody asks for them."""

import hashlib
from pathlib import Path

from synapse_core.config.home import Home
from synapse_core.errors import PathRefusedError, StorageError
from synapse_core.model.run import ArtifactInfo
from synapse_core.ports import RunService

__all__ = ["fetch_output"]


def fetch_output(home: Home, service: RunService, run_id: str, artifact: ArtifactInfo) -> Path:
    """Return where the file lies here; it is brought when it is not there yet.

    Raises:
        PathRefusedError: Its name leads out of the folder that it is kept in.
        StorageError: It did not arrive as it was saved.
    """
    folder = home.cache_dir / "artifacts" / run_id / artifact.sha256[:16]
    path = folder / artifact.name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise PathRefusedError(
            f"The artifact {artifact.name!r} leads outside its folder.",
            hint="The service says so; ask whoever runs it.",
            run_id=run_id,
        )
    if path.is_file() and _digest(path) == artifact.sha256:
        return path
    service.fetch(run_id, artifact, path)
    if _digest(path) != artifact.sha256:
        path.unlink()
        raise StorageError(
            f"The artifact {artifact.name!r} did not arrive as it was saved.",
            hint="Get it again; if that does not help, the file was changed where it lies.",
            run_id=run_id,
        )
    return path


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

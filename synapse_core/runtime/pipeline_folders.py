"""The folders that all actions of one pipeline run share."""

import shutil
import socket
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from synapse_core.errors import ConfigError, InvalidInputError
from synapse_core.runtime.artifact_names import checked_name

__all__ = ["MissingPipelineFolders", "PipelineContext"]


def _default_base() -> Path:
    return Path(tempfile.gettempdir(), "synapse_pipelines")


@dataclass(frozen=True, slots=True)
class PipelineContext:
    """A tree of folders in which one action leaves what a later one finds.

    Each folder is made when it is first asked for. An action has it as `ctx.pipeline`.

    Attributes:
        pipeline_id: Name of the pipeline.
        run_id: Id of the pipeline run.
        base_path: Where the tree of the run lies, in a folder named after it.
    """

    pipeline_id: str
    run_id: str
    base_path: Path = field(default_factory=_default_base)

    @property
    def work_dir(self) -> Path:
        """The root of the tree."""
        return self._made(self._root)

    @property
    def datasets_dir(self) -> Path:
        """For data."""
        return self._made(self._root / "datasets")

    @property
    def models_dir(self) -> Path:
        """For models."""
        return self._made(self._root / "models")

    @property
    def artifacts_dir(self) -> Path:
        """For files that are worth keeping."""
        return self._made(self._root / "artifacts")

    @property
    def logs_dir(self) -> Path:
        """For logs of other programs."""
        return self._made(self._root / "logs")

    @property
    def checkpoints_dir(self) -> Path:
        """For what an action goes on from."""
        return self._made(self._root / "checkpoints")

    def get_action_dir(self, name: str) -> Path:
        """Return a folder for one action.

        Args:
            name: Its name, or any other relative path.

        Raises:
            PathRefusedError: The name leads out of the tree.
        """
        return self._made(self._root / "actions" / checked_name(name))

    def cleanup(self) -> None:
        """Remove the tree with all that is in it."""
        shutil.rmtree(self._root, ignore_errors=True)

    @property
    def _root(self) -> Path:
        if not self.run_id or Path(self.run_id).name != self.run_id or self.run_id == "..":
            raise InvalidInputError(
                f"{self.run_id!r} cannot be the name of a folder.", hint="Give the run another id."
            )
        return Path(self.base_path) / self.run_id

    @staticmethod
    def _made(folder: Path) -> Path:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder


@dataclass(frozen=True, slots=True)
class MissingPipelineFolders(PipelineContext):
    """What an action has as `ctx.pipeline` where the folders could not be brought.

    Empty ones in their place would be taken for the shared ones.

    Attributes:
        problem: Why they could not.
    """

    problem: str = ""

    @property
    def _root(self) -> Path:
        raise ConfigError(
            f"The folders that the nodes of the pipeline {self.pipeline_id!r} share are not on "
            f"{socket.gethostname()}: {self.problem or 'nobody brought them there'}",
            hint="Make room there, or place the node on a machine that sees this home.",
        )

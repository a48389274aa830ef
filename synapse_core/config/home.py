"""The folder where Synapse keeps its configuration, its runs and its caches."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from synapse_core.errors import ConfigError, StorageError

__all__ = ["Home"]


@dataclass(frozen=True, slots=True)
class Home:
    """Where everything lies below one root folder.

    Attributes:
        root: Absolute path of the folder.
    """

    root: Path

    @classmethod
    def locate(cls, environ: Mapping[str, str]) -> "Home":
        """Return the home named by `SYNAPSE_HOME`, else `~/.synapse`.

        Raises:
            ConfigError: `SYNAPSE_HOME` is no absolute path, or the user has no home folder.
        """
        named = environ.get("SYNAPSE_HOME")
        if named is None:
            try:
                return cls(Path.home() / ".synapse")
            except RuntimeError as error:
                raise ConfigError(
                    "This user has no home folder.", hint="Set SYNAPSE_HOME to an absolute path."
                ) from error
        root = Path(named).expanduser()
        if not root.is_absolute():
            raise ConfigError(
                f"SYNAPSE_HOME is {named!r}, which is not an absolute path.",
                hint="Set it to an absolute path, or unset it to use ~/.synapse.",
            )
        return cls(root)

    @property
    def config_file(self) -> Path:
        """Environments and registered plugin folders."""
        return self.root / "config.yaml"

    @property
    def database(self) -> Path:
        """The SQLite run store."""
        return self.root / "runs.db"

    @property
    def store_file(self) -> Path:
        """Address of the database that has the runs instead; there only where one has."""
        return self.root / "store-url"

    @property
    def audit_file(self) -> Path:
        """One line for each call by which a client changed something."""
        return self.root / "audit.jsonl"

    @property
    def runs_dir(self) -> Path:
        """One folder per run, grouped by day."""
        return self.root / "runs"

    @property
    def cache_dir(self) -> Path:
        """What can be made again at any time."""
        return self.root / "cache"

    def run_dir(self, run_id: str) -> Path:
        """Return the run's folder; the day is read from the id."""
        return self.root / _within_home(run_id)

    def journal(self, run_id: str) -> Path:
        """Return the file of the run's events."""
        return self.root / f"{_within_home(run_id)}/journal.jsonl"

    def output(self, run_id: str) -> Path:
        """Return the file that the run's file descriptors 1 and 2 append to."""
        return self.run_dir(run_id) / "output.log"

    def artifacts(self, run_id: str) -> Path:
        """Return the folder of the files the run saved."""
        return self.run_dir(run_id) / "artifacts"

    def work(self, run_id: str) -> Path:
        """Return the run's working directory."""
        return self.run_dir(run_id) / "work"

    def ensure(self) -> None:
        """Make the folders, readable by their owner only.

        Raises:
            StorageError: A folder cannot be made.
        """
        for folder in (self.root, self.runs_dir, self.cache_dir):
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                raise StorageError(
                    f"Cannot make {folder}: {error.strerror}.",
                    hint="Free the path or point SYNAPSE_HOME to a folder you may write.",
                    path=str(folder),
                ) from error


def _within_home(run_id: str) -> str:
    # As text, since joining paths takes longer than what is done with them.
    return f"runs/{run_id[:4]}-{run_id[4:6]}-{run_id[6:8]}/{run_id}"

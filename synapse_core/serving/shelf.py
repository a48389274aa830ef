"""Where deployments are kept below the home."""

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from synapse_core.config.atomic import write_atomically
from synapse_core.config.home import Home
from synapse_core.errors import NotFoundError, StorageError, nearest
from synapse_core.serving.release import (
    Deployment,
    Release,
    check_deployment_name,
    deployment_from_json,
    release_from_json,
)
from synapse_core.types import JSONObject

__all__ = ["Shelf"]

_KEPT_RELEASES = 2
"""The wanted one, and the one before, to which replicas go back when the wanted does not start."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """The deployments of one home. All files are readable by their owner only.

    Attributes:
        home: The home.
    """

    home: Home

    @property
    def folder(self) -> Path:
        """What is kept of all deployments."""
        return self.home.root / "deployments"

    def place(self, name: str) -> Path:
        """Return the folder of one deployment.

        Raises:
            InvalidInputError: It is no name for one.
        """
        return self.folder / check_deployment_name(name)

    def lock(self, name: str) -> Path:
        """Return the path that is locked while a deployment is changed."""
        return self.place(name)

    def replicas(self, name: str) -> Path:
        """Return the folder in which replicas tell how they are."""
        return self.place(name) / "replicas"

    def logs(self, name: str) -> Path:
        """Return the folder of what replicas say."""
        return self.place(name) / "logs"

    def copies(self, name: str) -> Path:
        """Return the folder of the copies of the plugin."""
        return self.place(name) / "code"

    def names(self) -> list[str]:
        """Return the names there are, sorted."""
        return sorted(file.parent.name for file in self.folder.glob("*/deployment.json"))

    def find(self, name: str) -> Deployment | None:
        """Return what is wanted under the name; None for nothing."""
        try:
            return deployment_from_json(
                json.loads((self.place(name) / "deployment.json").read_bytes())
            )
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            raise StorageError(
                f"What is kept of the deployment {name!r} cannot be read: {error}.",
                hint=f"Delete it with `synapse deployment delete {name}`, and deploy it again.",
            ) from error

    def get(self, name: str) -> Deployment:
        """Return what is wanted under the name.

        Raises:
            NotFoundError: Nothing is.
        """
        found = self.find(name)
        if found is None:
            known = self.names()
            listed = f"Deployments: {', '.join(known)}." if known else "There is none."
            raise NotFoundError(
                f"No deployment is called {name!r}.",
                hint=f"{nearest(name, known)} {listed}".strip(),
                deployment=name,
            )
        return found

    def keep(self, deployment: Deployment) -> None:
        """Keep what is wanted."""
        self._write(self.place(deployment.name) / "deployment.json", asdict(deployment))

    def release(self, name: str, number: int) -> Release:
        """Return a release.

        Raises:
            NotFoundError: It is not kept.
        """
        try:
            told: JSONObject = json.loads(self._release_file(name, number).read_bytes())
        except FileNotFoundError:
            raise NotFoundError(
                f"Release {number} of the deployment {name!r} is not kept.",
                hint=f"Make a new one: synapse deployment update {name}",
            ) from None
        return release_from_json(told)

    def keep_release(self, name: str, release: Release) -> None:
        """Keep a release."""
        self._write(self._release_file(name, release.number), asdict(release))

    def numbers(self, name: str) -> list[int]:
        """Return the numbers of the releases that are kept, oldest first."""
        files = (self.place(name) / "releases").glob("*.json")
        return sorted(int(file.stem) for file in files)

    def proven(self, name: str) -> int:
        """Return the number of the last release that has started somewhere; 0 for none."""
        try:
            return int((self.place(name) / "proven").read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            return 0

    def prove(self, name: str, number: int) -> None:
        """Remember that a release has started."""
        write_atomically(self.place(name) / "proven", str(number).encode(), mode=0o600)

    def forget_old_releases(self, name: str) -> None:
        """Remove releases that no replica can need any more, with their copies."""
        kept = set(self.numbers(name)[-_KEPT_RELEASES:]) | {self.proven(name)}
        used: set[str] = set()
        for number in self.numbers(name):
            if number in kept:
                used.add(self.release(name, number).digest)
            else:
                self._release_file(name, number).unlink(missing_ok=True)
        if self.copies(name).is_dir():
            for copy in self.copies(name).iterdir():
                if copy.name not in used:
                    shutil.rmtree(copy, ignore_errors=True)

    def remove(self, name: str) -> None:
        """Remove all that is kept of a deployment.

        Raises:
            StorageError: Something of it cannot be removed.
        """
        place = self.place(name)
        try:
            (place / "deployment.json").unlink(missing_ok=True)
            if place.exists():
                shutil.rmtree(place)
        except OSError as error:
            raise StorageError(
                f"Cannot remove {place}: {error.strerror}.",
                hint="Remove the folder yourself.",
                path=str(place),
            ) from error

    def _release_file(self, name: str, number: int) -> Path:
        return self.place(name) / "releases" / f"{number}.json"

    def _write(self, file: Path, content: JSONObject) -> None:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomically(file, json.dumps(content).encode(), mode=0o600)

"""A world full of ways out, and the paths and names that try to take them."""

import hashlib
import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from synapse_core.model.run import Run
from synapse_core.operations.runs import StartRun, start_run, wait_run
from synapse_core.workspace import open_workspace
from tests.mcp.world import PATIENCE_S, Place

__all__ = ["HOSTILE", "SECRET", "Trap", "build_trap"]

SECRET = "the secret of somebody else"
_CORPUS = Path(__file__).parents[1] / "corpus" / "hostile_paths.json"

HOSTILE: dict[str, list[str]] = json.loads(_CORPUS.read_text(encoding="utf-8"))
"""Paths and names by what they try; `{outside}` and its like stand for folders of the trap."""

_SAVER = """
from synapse_core import RuntimeContext, action


@action()
def run(ctx: RuntimeContext) -> str:
    ctx.save_artifact("fine", "data/fine name ü.txt")
    ctx.save_artifact(bytes(range(256)), "data/bytes.bin")
    for name in ("linked", "piped", "endless"):
        ctx.save_artifact("was fine", f"replaced/{name}.txt")
    return "saved"
"""


@dataclass(frozen=True)
class Trap:
    """The world, and a run that saved files in it.

    Attributes:
        place: Home and root.
        run: An ended run; None when none was wanted.
    """

    place: Place
    run: Run | None = None

    @property
    def texts(self) -> list[str]:
        """All hostile paths and names, made for this world."""
        folders = {
            "{folder}": self.place.folder,
            "{outside}": self.place.folder / "secret",
            "{home}": self.place.home,
            "{root}": self.place.root,
        }
        texts = [text for group in HOSTILE.values() for text in group]
        for mark, folder in folders.items():
            texts = [text.replace(mark, str(folder)) for text in texts]
        return texts

    @property
    def run_id(self) -> str:
        """The id of the run."""
        assert self.run is not None
        return self.run.id

    def outside(self) -> dict[str, str]:
        """Return what lies outside of root and home, so that a change of it can be seen."""
        folder, inside = self.place.folder, (self.place.root, self.place.home)
        return {
            str(path.relative_to(folder)): _fingerprint(path)
            for path in sorted(folder.rglob("*"))
            if not any(path.is_relative_to(one) for one in inside)
        }


def build_trap(folder: Path, *, with_run: bool = True) -> Trap:
    """Build a root that is full of links and files which lead elsewhere, and what they lead to."""
    place = Place(folder)
    _build_outside(folder)
    place.plugin("saver", _SAVER)
    _build_links(place.root)
    _build_plugins_that_are_none(place.root)
    if not with_run:
        return Trap(place)
    run = _save_something(place)
    _replace_files(place, run)
    return Trap(place, run)


def _build_outside(folder: Path) -> None:
    secret = folder / "secret"
    secret.mkdir(parents=True)
    manifest = (
        f"# {SECRET}\nname: {SECRET}\ncode: stolen\nactions:\n  run:\n    entrypoint: actions:run\n"
    )
    (secret / "config.yaml").write_text(manifest, encoding="utf-8")
    (secret / "actions.py").write_text(f"import {SECRET}\n", encoding="utf-8")
    (folder / "outside.txt").write_text(SECRET, encoding="utf-8")


def _build_links(root: Path) -> None:
    for name, target in {
        "link": "../secret",
        "up": "..",
        "loop": "loop",
        "dangling": "../nowhere",
        "chain": "link",
        "filelink": "../outside.txt",
        "zero": "/dev/zero",
        "saver/inner": "../../secret",
    }.items():
        (root / name).symlink_to(target)
    os.mkfifo(root / "fifo")


def _build_plugins_that_are_none(root: Path) -> None:
    manifests = {name: root / name / "config.yaml" for name in _NO_PLUGINS}
    for file in manifests.values():
        file.parent.mkdir()
    manifests["linked_manifest"].symlink_to("../../secret/config.yaml")
    manifests["zero_manifest"].symlink_to("/dev/zero")
    manifests["folder_manifest"].mkdir()
    os.mkfifo(manifests["fifo_manifest"])
    with manifests["endless_manifest"].open("wb") as file:
        file.truncate(1 << 40)  # holds nothing but its size


_NO_PLUGINS = (
    "linked_manifest",
    "zero_manifest",
    "folder_manifest",
    "fifo_manifest",
    "endless_manifest",
)


def _save_something(place: Place) -> Run:
    with open_workspace(place.home, [place.root]) as workspace:
        run = start_run(workspace, StartRun(plugin="saver", action="run"))
        return wait_run(workspace, run.id, timeout_s=PATIENCE_S)


def _replace_files(place: Place, run: Run) -> None:
    saved = {artifact.name: artifact for artifact in run.summary.artifacts.values()}
    (folder,) = place.home.rglob(run.id)
    files = {name: folder / artifact.path for name, artifact in saved.items()}
    for name in ("linked", "piped", "endless"):
        files[f"replaced/{name}.txt"].unlink()
    files["replaced/linked.txt"].symlink_to(place.folder / "outside.txt")
    files["replaced/endless.txt"].symlink_to("/dev/zero")
    os.mkfifo(files["replaced/piped.txt"])


def _fingerprint(path: Path) -> str:
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        return oct(status.st_mode)
    return hashlib.sha256(path.read_bytes()).hexdigest()

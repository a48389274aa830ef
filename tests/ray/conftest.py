"""One cluster for all tests about Ray, and a look at what it leaves behind."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent

import pytest

from synapse_core.config.home import Home
from synapse_core.executors.ray.cluster.options import ClusterOptions
from synapse_core.executors.ray.cluster.places import Cluster
from synapse_core.executors.ray.driver.door import DriverDoor
from synapse_core.workspace import Workspace, open_workspace
from tests.ray.far import Far
from tests.ray.leftovers import assert_nothing_is_left, shared_memory
from tests.ray.looking import processes_of
from tests.ray.several import Several
from tests.waiting import wait_until

ACTIONS = """
    import os
    import signal
    import subprocess
    import sys
    import time
    from pathlib import Path

    from pydantic import BaseModel

    from synapse_core import BaseAction, action


    class Loss(BaseModel):
        loss: float


    class TrainParams(BaseModel):
        epochs: int = 1


    class TrainAction(BaseAction[TrainParams]):
        action_name = "train"
        result_model = Loss

        def execute(self) -> Loss:
            if self.params.epochs < 1:
                raise LookupError("no epochs")
            print(f"training as {self.ctx.job_id}")
            self.set_progress(1, 1)
            self.set_metrics({"loss": 0.5}, "train")
            return Loss(loss=1 / self.params.epochs)


    @action
    def echo(ctx, text: str = "") -> str:
        ctx.logger.info("got %d characters", len(text))
        return text


    @action
    def much(ctx) -> None:
        pass


    @action
    def variables(ctx) -> dict[str, str]:
        return dict(os.environ)


    @action
    def modules(ctx) -> list[str]:
        return sorted(sys.modules)


    @action
    def wait(ctx, seconds: float = 60.0, stubborn: bool = False) -> str:
        if stubborn:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = subprocess.Popen(["sleep", "1000"])
        print(f"child {child.pid}")
        time.sleep(seconds)
        return "done"


    @action
    def crash(ctx) -> None:
        os.kill(os.getpid(), signal.SIGSEGV)


    @action
    def once(ctx, marker: str) -> int:
        with Path(marker).open("a") as file:
            file.write("x")
        print("attempt")
        if len(Path(marker).read_text()) == 1:
            time.sleep(60)
        return len(Path(marker).read_text())
"""

CONFIG = """
    name: Trials
    code: trials
    env:
      FROM_PLUGIN: "yes"
    actions:
      train:
        entrypoint: trials_actions:TrainAction
      much:
        entrypoint: trials_actions:much
        resources: {cpus: 64}
"""


_ON_OTHER_CLUSTERS = {
    "test_addresses",
    "test_away",
    "test_away_pipelines",
    "test_chaos",
    "test_extras",
    "test_open_cluster",
    "test_several",
    "test_warm_away",
}
"""Files of tests that do without the cluster of this machine which all others share."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.ray)
            # Those of a group share clusters.
            group = "other clusters" if item.path.stem in _ON_OTHER_CLUSTERS else "ray"
            item.add_marker(pytest.mark.xdist_group(group))
            if find_spec("ray") is None:
                item.add_marker(pytest.mark.skip(reason="the extra `ray` is not installed"))


@pytest.fixture(scope="session", autouse=True)
def _nothing_is_left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give all tests, and what they start, one folder for temporary files, and look what stays."""
    before = shared_memory()
    tmp_path_factory.getbasetemp()  # what pytest itself keeps lies elsewhere from here on
    folder = Path(tempfile.mkdtemp(prefix="r"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(folder))
        patch.setattr(tempfile, "tempdir", str(folder))
        yield
    assert_nothing_is_left(folder, before)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def ray_root() -> Iterator[Path]:
    """A folder with a short path: sockets lie in it."""
    root = Path(tempfile.mkdtemp(prefix="sray-"))
    yield root
    shutil.rmtree(root)


@pytest.fixture(scope="session")
def ray_home(ray_root: Path) -> Home:
    home = Home(ray_root / "home")
    home.ensure()
    return home


@pytest.fixture(scope="session")
def plugin(ray_root: Path) -> Path:
    folder = ray_root / "trials"
    folder.mkdir()
    (folder / "config.yaml").write_text(dedent(CONFIG), encoding="utf-8")
    (folder / "trials_actions.py").write_text(dedent(ACTIONS), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def door(ray_home: Home) -> Iterator[DriverDoor]:
    """The driver of a cluster that is up; afterwards nothing of it is left."""
    door = DriverDoor(ray_home, os.environ, Cluster())
    door.start(ClusterOptions(cpus=2, gpus=2))  # as many as it is told: nothing touches them
    door.up()
    record = door.record()
    assert record is not None
    yield door
    door.stop(force=True)
    wait_until(lambda: not processes_of(record.folder))
    assert not Path(record.folder).exists()
    assert not Path(record.socket).exists()
    assert not door.place.record.exists()


@pytest.fixture(scope="module")
def several() -> Iterator[Several]:
    """A cluster of several nodes that somebody else runs; its head may be killed at the end."""
    several = Several()
    try:
        several.build()
        yield several
    finally:
        several.tear_down()


@pytest.fixture(scope="session")
def far() -> Iterator[Far]:
    """A cluster whose one working node is a machine of its own, and does not see the home."""
    far = Far(Path(tempfile.mkdtemp(prefix="sfar-")))
    try:
        far.build()
        yield far
        for record in (far.near / "home" / "ray").glob("*.json"):
            DriverDoor(Home(far.near / "home"), os.environ, Cluster(record.stem, "")).stop(
                force=True
            )
    finally:
        far.tear_down()
        shutil.rmtree(far.root)


@pytest.fixture
def workspace(ray_home: Home, plugin: Path, door: DriverDoor) -> Iterator[Workspace]:
    del door
    with open_workspace(ray_home.root, [plugin.parent]) as opened:
        yield opened


@pytest.fixture(scope="session")
def world(ray_home: Home, ray_root: Path, door: DriverDoor) -> Iterator[Workspace]:
    """A workspace that sees all plugins of these tests."""
    del door
    with open_workspace(ray_home.root, [ray_root]) as opened:
        yield opened

"""What an action asks for by a name of its cluster's nodes is reserved, whatever holds the run."""

from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from synapse_core.config.home import Home
from synapse_core.errors import InvalidInputError
from synapse_core.executors.ray import RayActorExecutor, RayJobExecutor
from synapse_core.executors.ray.driver.door import DriverDoor
from synapse_core.model.run import RunStatus
from synapse_core.operations.runs import get_run
from synapse_core.workspace import Workspace, open_workspace
from tests.ray.looking import end, start
from tests.waiting import PATIENCE_S, wait_until

CONFIG = """
    name: Owners
    code: owners
    actions:
      hold:
        entrypoint: owners:hold
        resources: &most {cpus: 0.1, custom: {"NODE": 0.6}}
      keep:
        entrypoint: owners:hold
        reuse: true
        resources: *most
      other:
        entrypoint: owners:others
        resources: *most
      program:
        entrypoint: owners:others
        resources: {custom: {fpga: 1}}
"""

SOURCE = """
    import time
    from pathlib import Path

    from synapse_core import action


    @action
    def hold(ctx, mark: str) -> None:
        Path(mark).touch()
        time.sleep(1.5)
        Path(mark).unlink()


    @action
    def others(ctx, mark: str = "nowhere") -> bool:
        '''Whether somebody else has it meanwhile.'''
        return Path(mark).exists()
"""


@pytest.fixture(scope="module")
def owners(ray_root: Path, door: DriverDoor) -> Path:
    """A plugin that asks for more than half of what names the one node of the cluster."""
    nodes = door.up()["nodes"]
    assert isinstance(nodes, list)
    assert isinstance(nodes[0], dict)
    folder = ray_root / "owners"
    folder.mkdir()
    config = dedent(CONFIG).replace("NODE", f"node:{nodes[0]['address']}")
    (folder / "config.yaml").write_text(config, encoding="utf-8")
    (folder / "owners.py").write_text(dedent(SOURCE), encoding="utf-8")
    return folder


@pytest.fixture
def space(ray_home: Home, owners: Path) -> Iterator[Workspace]:
    with open_workspace(ray_home.root, [owners]) as opened:
        yield opened


@pytest.mark.parametrize(("on", "action"), [("actor", "hold"), ("actor", "keep"), ("job", "hold")])
def test_nobody_else_gets_what_a_run_has(
    space: Workspace, owners: Path, ray_root: Path, on: str, action: str
) -> None:
    mark = ray_root / f"{on}-{action}"

    first = start(space, owners, action, on, mark=str(mark))
    wait_until(mark.exists)
    second = end(space, start(space, owners, "other", mark=str(mark)))

    assert second.result is False
    assert end(space, first).status is RunStatus.SUCCEEDED
    assert get_run(space, first.id).resources == second.resources
    assert [*second.resources.custom.values()] == [0.6]


@pytest.mark.parametrize("on", ["actor", "job"])
def test_what_no_node_has_is_refused_and_a_run_without_a_cluster_does_not_care(
    space: Workspace, owners: Path, on: str
) -> None:
    with pytest.raises(InvalidInputError, match=r"No node of the cluster has .*fpga 1"):
        start(space, owners, "program", on)

    assert end(space, start(space, owners, "program", "local")).result is False


def test_a_script_asks_for_more_and_for_less(ray_home: Home, owners: Path) -> None:
    without = RayActorExecutor(owners, resources={"fpga": 0}, home=ray_home.root)
    more = RayJobExecutor(working_dir=owners, resources={"npu": 1}, home=ray_home.root)

    assert without.submit("program").result(PATIENCE_S) is False
    with pytest.raises(InvalidInputError, match="npu 1"):
        more.submit("other")
    without.shutdown()
    more.shutdown()

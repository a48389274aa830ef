"""Runs see the GPUs that were reserved for them; two halves are one."""

from collections import Counter
from pathlib import Path
from textwrap import dedent

import pytest

from synapse_core.config.home import Home
from synapse_core.errors import InvalidInputError
from synapse_core.executors.ray import RayActorExecutor
from synapse_core.executors.ray.driver.door import DriverDoor
from tests.waiting import PATIENCE_S

CONFIG = """
    name: Seers
    code: seers
    actions:
      kept:
        entrypoint: seers:look
        reuse: true
        resources: {cpus: 0.1, gpus: 2}
      blind:
        entrypoint: seers:look
        resources: {cpus: 0.1}
"""

SOURCE = """
    import os
    import time
    from pathlib import Path

    from synapse_core import action


    @action
    def look(ctx) -> str:
        return os.environ.get("CUDA_VISIBLE_DEVICES", "as it is")


    @action
    def meet(ctx, place: str, count: int) -> str:
        '''Returns when so many run at the same time.'''
        Path(place).mkdir(exist_ok=True)
        (Path(place) / ctx.job_id).touch()
        while len(list(Path(place).iterdir())) < count:
            time.sleep(0.02)
        return os.environ["CUDA_VISIBLE_DEVICES"]
"""


@pytest.fixture(scope="module")
def seers(ray_root: Path, door: DriverDoor) -> Path:
    del door
    folder = ray_root / "seers"
    folder.mkdir()
    (folder / "config.yaml").write_text(dedent(CONFIG), encoding="utf-8")
    (folder / "seers.py").write_text(dedent(SOURCE), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("gpus", "seen"), [(0.5, {"0": 2, "1": 2}), (1, {"0": 1, "1": 1}), (2, {"0,1": 1})]
)
def test_each_run_sees_what_was_reserved_for_it(
    ray_home: Home, seers: Path, ray_root: Path, gpus: float, seen: dict[str, int]
) -> None:
    executor = RayActorExecutor(seers, num_gpus=gpus, num_cpus=0.1, home=ray_home.root)
    count = sum(seen.values())

    runs = [
        executor.submit("meet", {"place": str(ray_root / f"met-{gpus}"), "count": count})
        for _ in range(count)
    ]

    assert Counter(run.result(PATIENCE_S) for run in runs) == seen


def test_a_warm_process_sees_them_too_and_others_see_what_there_is(
    ray_home: Home, seers: Path
) -> None:
    executor = RayActorExecutor(seers, home=ray_home.root)

    assert executor.execute("kept") == "0,1"
    assert executor.execute("blind") == "as it is"


def test_one_and_a_half_are_refused(ray_home: Home, seers: Path) -> None:
    executor = RayActorExecutor(seers, num_gpus=1.5, num_cpus=0.1, home=ray_home.root)

    with pytest.raises(InvalidInputError, match=r"0\.5, or for 1 or 2"):
        executor.execute("blind")


def test_a_machine_is_chosen_by_what_it_has(ray_home: Home, seers: Path, door: DriverDoor) -> None:
    node = door.up()["nodes"]
    assert isinstance(node, list)
    (one,) = node
    assert isinstance(one, dict)

    def there(name: str) -> RayActorExecutor:
        return RayActorExecutor(seers, num_cpus=0.1, resources={name: 0.001}, home=ray_home.root)

    assert there(f"node:{one['address']}").execute("blind") == "as it is"
    with pytest.raises(InvalidInputError, match="node:10"):
        there("node:10.255.255.1").execute("blind")

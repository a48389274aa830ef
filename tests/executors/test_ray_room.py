"""Whether a cluster has what a run asks for, or could ever give it."""

import math

import pytest

from synapse_core.errors import InvalidInputError
from synapse_core.executors.ray.cluster.room import check_room, count_rooms
from synapse_core.executors.ray.options import to_resources

NODES = [{"CPU": 4.0, "GPU": 2.0, "node:10.0.0.1": 1.0}, {"CPU": 8.0, "tpu": 4.0}]


@pytest.mark.parametrize(
    "wanted",
    [
        {"CPU": 1.5, "GPU": 0.5},
        {"CPU": 0.1, "GPU": 2.0},
        {"CPU": 8.0},
        {"CPU": 1.0, "tpu": 4.0},
        {"CPU": 1.0, "node:10.0.0.1": 0.001},
    ],
)
def test_what_one_machine_has_is_placed(wanted: dict[str, float]) -> None:
    check_room(wanted, NODES)


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"CPU": 8.0, "GPU": 1.0}, "No node of the cluster has .* CPU 8, GPU 1"),
        ({"CPU": 1.0, "npu": 1.0}, "npu 1"),
        ({"CPU": 0.00001}, "too fine"),
        ({"CPU": 1.0, "GPU": 1.5}, "1.5 GPUs cannot be.* 0.5, or for 1 or 2"),
    ],
)
def test_what_no_machine_has_is_refused(wanted: dict[str, float], told: str) -> None:
    with pytest.raises(InvalidInputError, match=told):
        check_room(wanted, NODES)


@pytest.mark.parametrize(
    ("resources", "told"),
    [
        ({"GPU": 1}, "num_gpus="),
        ({"memory": 1}, "memory="),
        ({"tpu": -1}, "no less than 0"),
        ({"a b": 1}, "spaces"),
    ],
)
def test_resources_that_ray_would_refuse_are_refused_here(
    resources: dict[str, float], told: str
) -> None:
    with pytest.raises(InvalidInputError, match=told):
        to_resources(None, None, None, resources)
    assert to_resources(None, None, None, {"tpu": 0.5}).custom == {"tpu": 0.5}


@pytest.mark.parametrize(
    ("wanted", "times"),
    [
        ({"CPU": 1.0, "GPU": 0.0}, 2),
        ({"CPU": 2.0}, 0),
        ({"CPU": 0.1}, 25),
        ({"CPU": 0.5, "tpu": 1.0}, 1),
        ({"CPU": 0.0}, math.inf),
    ],
)
def test_room_is_counted_on_each_machine_for_itself(wanted: dict[str, float], times: float) -> None:
    free = [{"CPU": 1.2}, {"CPU": 1.3, "tpu": 1.0}, {"memory": 1e9}]
    assert count_rooms(wanted, free) == times

"""How many processes answer: what is asked for, over what was there."""

import pytest

from synapse_core.errors import InvalidInputError
from synapse_core.operations.deployments.scale import Scale, SettledScale

FIXED = SettledScale(replicas=2, max_replicas=0, target_requests=2.0)
FOLLOWING = SettledScale(replicas=2, max_replicas=5, target_requests=3.0)


@pytest.mark.parametrize(
    ("wanted", "known", "settled"),
    [
        (Scale(), FIXED, FIXED),
        (Scale(), FOLLOWING, FOLLOWING),
        (Scale(replicas=4), FOLLOWING, (4, 0, 3.0)),
        (Scale(max_replicas=4), FIXED, (2, 4, 2.0)),
        (Scale(replicas=1, max_replicas=4, target_requests=0.5), FIXED, (1, 4, 0.5)),
        (Scale(target_requests=9), FOLLOWING, (2, 5, 9)),
    ],
)
def test_what_is_left_open_is_as_it_was(
    wanted: Scale, known: SettledScale, settled: SettledScale | tuple[int, int, float]
) -> None:
    got = wanted.over(known)

    assert settled in {got, (got.replicas, got.max_replicas, got.target_requests)}


@pytest.mark.parametrize(
    "wanted",
    [
        Scale(replicas=0),
        Scale(replicas=1001),
        Scale(max_replicas=1),
        Scale(target_requests=0),
        Scale(target_requests=float("nan")),
        Scale(target_requests=float("inf")),
    ],
)
def test_what_cannot_be_is_refused(wanted: Scale) -> None:
    with pytest.raises(InvalidInputError):
        wanted.over(FIXED)

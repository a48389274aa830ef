"""The action, run in one line."""

from shapes.draw import DrawAction
from synapse_core.testing import run_action


def test_as_many_are_drawn_as_asked_for() -> None:
    assert run_action(DrawAction, {"shapes": 2}).result == {"drawn": 2}

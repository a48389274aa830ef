"""Draws shapes."""

import json

from shapes.base import ShapeAction
from shapes.params import DrawParams
from shapes.results import DrawResult


class DrawAction(ShapeAction[DrawParams]):
    """Draw some shapes."""

    action_name = "draw"
    result_model = DrawResult

    def execute(self) -> DrawResult:
        """Draw one after the other."""
        self.greet(self.params.title)
        for number in range(self.params.shapes):
            self.ctx.check_cancelled()
            self.set_progress(number + 1, self.params.shapes)
        drawing = {"shapes": self.params.shapes}
        self.ctx.save_artifact(json.dumps(drawing).encode(), "drawing.json")
        return DrawResult(drawn=self.params.shapes)

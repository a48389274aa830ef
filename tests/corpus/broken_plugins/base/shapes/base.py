"""What the actions of this plugin share."""

from typing import TypeVar

from pydantic import BaseModel
from synapse_core import BaseAction

P = TypeVar("P", bound=BaseModel)


class ShapeAction(BaseAction[P]):
    """An action that says hello."""

    def greet(self, what: str) -> None:
        """Say what is done."""
        self.logger.info("Working on %s", what)

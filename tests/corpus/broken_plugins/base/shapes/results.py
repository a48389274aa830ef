"""What the actions return."""

from pydantic import BaseModel


class DrawResult(BaseModel):
    """What was drawn."""

    drawn: int


class CountResult(BaseModel):
    """What was counted."""

    corners: int

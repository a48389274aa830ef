"""What the actions are given."""

from pydantic import BaseModel, Field

DEFAULT_SHAPES = 3


class DrawParams(BaseModel):
    """What to draw."""

    shapes: int = Field(default=DEFAULT_SHAPES, ge=1, description="How many")
    title: str = "shapes"
    colours: list[str] = ["red"]


class CountParams(BaseModel):
    """What to count."""

    corners: list[int] = [3, 4]

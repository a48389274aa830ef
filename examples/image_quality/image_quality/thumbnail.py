"""A small action written as a plain function."""

from pathlib import Path

from image_quality.picture import fit
from image_quality.png import decode_png, encode_png
from synapse_core import action
from synapse_core.context import RuntimeContext

__all__ = ["make_thumbnail"]


@action(name="thumbnail", description="Save a smaller copy of one PNG.")
def make_thumbnail(image: Path, ctx: RuntimeContext, side_px: int = 256) -> dict[str, int]:
    """Save a copy whose longer side is at most `side_px`, and return its size in px."""
    if side_px < 1:
        raise ValueError(f"side_px is {side_px}, but a picture has at least 1 px")
    picture = fit(decode_png(image.expanduser().read_bytes()), side_px)
    ctx.save_artifact(encode_png(picture), f"{image.stem}_{side_px}.png")
    return {"width": picture.width, "height": picture.height}

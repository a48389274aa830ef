"""Numbers that tell how good a picture is."""

from collections import Counter
from dataclasses import dataclass
from math import sqrt

from image_quality.picture import Picture, fit, shrink, to_grey

__all__ = ["BINS", "Measures", "measure"]

BINS = 32
"""Bars of the histogram: 8 of the 256 levels each."""

_WORKING_SIDE_PX = 320
"""Sharpness is compared at one size, and takes the same time for a large picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """What was measured on one picture.

    Attributes:
        width: In px.
        height: In px.
        brightness: Mean luminance, 0 black to 255 white.
        contrast: Standard deviation of the luminance, 0 to 127.
        sharpness: Variance of the Laplacian at no more than 320 px; blur takes it away.
        histogram: Share of the pixels in each of 32 equal ranges of luminance.
        fingerprint: Difference hash, 64 bits: alike for pictures that look alike.
    """

    width: int
    height: int
    brightness: float
    contrast: float
    sharpness: float
    histogram: tuple[float, ...]
    fingerprint: int


def measure(picture: Picture) -> Measures:
    """Measure one picture."""
    grey = to_grey(picture)
    counts = Counter(grey.pixels)
    total = len(grey.pixels)
    mean = sum(level * count for level, count in counts.items()) / total
    variance = sum((level - mean) ** 2 * count for level, count in counts.items()) / total
    width = 256 // BINS
    return Measures(
        width=picture.width,
        height=picture.height,
        brightness=round(mean, 1),
        contrast=round(sqrt(variance), 1),
        sharpness=round(_laplacian_variance(fit(grey, _WORKING_SIDE_PX)), 1),
        histogram=tuple(
            round(sum(counts[level] for level in range(low, low + width)) / total, 5)
            for low in range(0, 256, width)
        ),
        fingerprint=_difference_hash(grey),
    )


def _laplacian_variance(grey: Picture) -> float:
    """Return the variance of `4 * centre - left - right - up - down` over the inner pixels."""
    count = max(0, grey.width - 2) * max(0, grey.height - 2)
    if count == 0:
        return 0.0
    total = squares = 0
    for y in range(1, grey.height - 1):
        row = grey.row(y)
        edges = [
            4 * centre - left - right - up - down
            for centre, left, right, up, down in zip(
                row[1:-1], row, row[2:], grey.row(y - 1)[1:], grey.row(y + 1)[1:], strict=False
            )
        ]
        total += sum(edges)
        squares += sum(edge * edge for edge in edges)
    return squares / count - (total / count) ** 2


def _difference_hash(grey: Picture) -> int:
    """Return one bit for each of 8 by 8 places: whether it gets brighter to the right."""
    small = shrink(grey, 9, 8)
    bits = 0
    for y in range(8):
        row = small.row(y)
        for x in range(8):
            bits = bits << 1 | (row[x] < row[x + 1])
    return bits

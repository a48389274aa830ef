"""Draws the charts of the report as SVG that follows the colours of the page."""

from collections.abc import Iterable, Sequence
from html import escape
from math import log10

from image_quality.report import ImageReport, Thresholds

__all__ = ["draw_bars", "draw_histogram", "draw_scatter"]

_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 592, 14, 268
"""Edges of the scatter chart in its own units; room is left for the axes."""

_SCATTER_LABEL = "Sharpness over brightness; the cards below tell the same numbers."

_SHARPEST = 10_000
_SOFTEST = 1


def draw_histogram(shares: Sequence[float], label: str) -> str:
    """Return an area chart of a luminance histogram; the tallest range fills the height."""
    tallest = max(shares, default=0) or 1
    tops = " ".join(f"L{x} {40 - 38 * share / tallest:.1f}" for x, share in _steps(shares))
    width = len(shares)
    return (
        f'<svg class="histogram" viewBox="0 0 {width} 40" preserveAspectRatio="none" '
        f'role="img" aria-label="{escape(label)}"><path d="M0 40 {tops} L{width} 40 Z"/></svg>'
    )


def draw_bars(counts: Iterable[tuple[str, str, int]], total: int) -> str:
    """Return one labelled bar for each (code, label, count) as a list."""
    rows = [
        f'<li><span>{escape(label)}</span><span class="bar"><span class="{escape(code)}" '
        f'style="width:{100 * count / max(1, total):.1f}%"></span></span><b>{count}</b></li>'
        for code, label, count in counts
    ]
    return f'<ul class="bars">{"".join(rows)}</ul>' if rows else "<p>Nothing was found.</p>"


def draw_scatter(images: Iterable[ImageReport], limits: Thresholds) -> str:
    """Return sharpness over brightness, with what is beyond a threshold shaded.

    Each point links to `#picture-N`, where N is the position of the picture from 0.
    """
    parts = [
        f'<svg class="scatter" viewBox="0 0 608 310" role="group" aria-label="{_SCATTER_LABEL}">',
        _zone(_LEFT, _x(limits.dark_below), _TOP, _BOTTOM),
        _zone(_x(limits.bright_above), _RIGHT, _TOP, _BOTTOM),
        _zone(_LEFT, _RIGHT, _y(limits.sharpness_below), _BOTTOM),
        *(_tick_x(level) for level in (0, 64, 128, 192, 255)),
        *(_tick_y(level) for level in (1, 10, 100, 1000, 10_000)),
        f'<text x="{(_LEFT + _RIGHT) / 2}" y="306" text-anchor="middle">brightness</text>',
        '<text x="14" y="141" text-anchor="middle" transform="rotate(-90 14 141)">sharpness</text>',
        *(_point(image, number) for number, image in enumerate(images)),
        "</svg>",
    ]
    return "".join(parts)


def _steps(shares: Sequence[float]) -> Iterable[tuple[int, float]]:
    for x, share in enumerate(shares):
        yield x, share
        yield x + 1, share


def _x(brightness: float) -> float:
    return round(_LEFT + (_RIGHT - _LEFT) * brightness / 255, 1)


def _y(sharpness: float) -> float:
    """Return the height on a logarithmic scale; what is beyond it stays at its edge."""
    within = min(max(sharpness, _SOFTEST), _SHARPEST)
    return round(_BOTTOM - (_BOTTOM - _TOP) * log10(within) / log10(_SHARPEST), 1)


def _zone(left: float, right: float, top: float, bottom: float) -> str:
    size = f'width="{max(0, right - left):.1f}" height="{max(0, bottom - top):.1f}"'
    return f'<rect class="zone" x="{left}" y="{top}" {size}/>'


def _tick_x(level: int) -> str:
    x = _x(level)
    return (
        f'<path class="axis" d="M{x} {_TOP}V{_BOTTOM}"/>'
        f'<text x="{x}" y="{_BOTTOM + 17}" text-anchor="middle">{level}</text>'
    )


def _tick_y(level: int) -> str:
    y = _y(level)
    return (
        f'<path class="axis" d="M{_LEFT} {y}H{_RIGHT}"/>'
        f'<text x="{_LEFT - 7}" y="{y + 4}" text-anchor="end">{level:,}</text>'
    )


def _point(image: ImageReport, number: int) -> str:
    if image.brightness is None or image.sharpness is None:
        return ""
    x, y = _x(image.brightness), _y(image.sharpness)
    text = escape(f"{image.name}: brightness {image.brightness}, sharpness {image.sharpness}")
    if image.is_flawed:
        shape = f'<path class="flawed" d="M{x} {y - 7}l7 7l-7 7l-7 -7Z"/>'
    else:
        shape = f'<circle class="fine" cx="{x}" cy="{y}" r="5.5"/>'
    return f'<a href="#picture-{number}" aria-label="{text}"><title>{text}</title>{shape}</a>'

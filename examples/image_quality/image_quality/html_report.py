"""Writes the audit as one HTML page that needs nothing else: no script, no network."""

from base64 import b64encode
from collections import Counter
from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template

from image_quality.charts import draw_bars, draw_histogram, draw_scatter
from image_quality.measures import BINS
from image_quality.report import AuditReport, ImageReport, Thresholds

__all__ = ["LABELS", "render_html"]

LABELS = {
    "unreadable": "unreadable",
    "duplicate": "duplicate",
    "too_small": "too small",
    "too_dark": "too dark",
    "too_bright": "too bright",
    "low_contrast": "low contrast",
    "blurry": "blurry",
}
"""Findings as people read them, the gravest first."""

_MAX_CARDS = 200
"""Browsers and mail programs choke on a page with thousands of embedded pictures."""

_MAX_NAMES = 50

_FINE = '<li class="badge fine">fine</li>'


def render_html(report: AuditReport, thumbnails: Mapping[str, bytes]) -> str:
    """Return the page; `thumbnails` are PNG files by name, and may be missing."""
    template = Template(Path(__file__).with_name("report.html").read_text(encoding="utf-8"))
    flawed = report.flawed
    fine = [image for image in report.images if not image.is_flawed]
    shown = [*flawed, *fine][:_MAX_CARDS]
    numbers = {image.name: number for number, image in enumerate(report.images)}
    counts = Counter(finding.code for image in report.images for finding in image.findings)
    return template.substitute(
        folder=escape(report.folder),
        images=len(report.images),
        flawed=len(flawed),
        fine=len(fine),
        flawed_percent=f"{report.flawed_percent:g}",
        duplicates=len(report.duplicates),
        skipped=len(report.skipped),
        verdict=_verdict(len(report.images), len(flawed)),
        bars=draw_bars(
            ((code, label, counts[code]) for code, label in LABELS.items() if counts[code]),
            len(report.images),
        ),
        histogram=draw_histogram(_mean_histogram(report.images), "Luminance of all pictures"),
        scatter=draw_scatter(report.images, report.thresholds),
        filters=_filters(counts),
        filter_rules=_filter_rules(counts),
        cards="\n".join(
            _card(image, numbers[image.name], thumbnails.get(image.name)) for image in shown
        ),
        more=_more(len(report.images) - len(shown)),
        skipped_files=_skipped(report.skipped),
        limits=_limits(report.thresholds),
    )


def _verdict(images: int, flawed: int) -> str:
    if not images:
        return "There is no PNG in this folder."
    if not flawed:
        return f"All {images} pictures are fine."
    return f"{flawed} of {images} pictures deserve a look."


def _mean_histogram(images: list[ImageReport]) -> list[float]:
    known = [image.histogram for image in images if image.histogram]
    if not known:
        return [0.0] * BINS
    return [sum(shares) / len(known) for shares in zip(*known, strict=True)]


def _filters(counts: Mapping[str, int]) -> str:
    choices = [("all", "all"), *((code, label) for code, label in LABELS.items() if counts[code])]
    return "".join(
        f'<input type="radio" name="show" id="show-{code}"{" checked" if code == "all" else ""}>'
        f'<label for="show-{code}">{label}</label>'
        for code, label in choices
    )


def _filter_rules(counts: Mapping[str, int]) -> str:
    """Return the style that hides what is not chosen; a script is not needed for it."""
    return "\n".join(
        f"main:has(#show-{code}:checked) .card:not(.{code}) {{ display: none; }}"
        for code in LABELS
        if counts[code]
    )


def _card(image: ImageReport, number: int, thumbnail: bytes | None) -> str:
    codes = " ".join(finding.code for finding in image.findings)
    badges = "".join(
        f'<li class="badge {finding.code}" title="{escape(finding.message)}">'
        f"{LABELS[finding.code]}</li>"
        for finding in image.findings
    )
    return (
        f'<article class="card {codes or "fine"}" id="picture-{number}">'
        f'<div class="frame">{_picture(image, thumbnail)}</div>'
        f"<h3>{_breakable(image.name)}</h3>{_facts(image)}{_reasons(image)}"
        f'<ul class="badges">{badges or _FINE}</ul></article>'
    )


def _breakable(name: str) -> str:
    """Return a file name that a browser may break where people would."""
    return escape(name).replace("_", "_<wbr>").replace("/", "/<wbr>")


def _picture(image: ImageReport, thumbnail: bytes | None) -> str:
    if thumbnail is None:
        return '<span class="none">no picture</span>'
    source = b64encode(thumbnail).decode("ascii")
    return f'<img src="data:image/png;base64,{source}" alt="{escape(image.name)}" loading="lazy">'


def _facts(image: ImageReport) -> str:
    size = f"{image.size_bytes / 1000:,.0f} kB"
    if image.width is None:
        return f'<p class="size">{size}</p>'
    rows = (
        ("brightness", image.brightness),
        ("contrast", image.contrast),
        ("sharpness", image.sharpness),
    )
    facts = "".join(f"<dt>{label}</dt><dd>{value:,.0f}</dd>" for label, value in rows)
    return (
        f'<p class="size">{image.width} &times; {image.height} px, {size}</p>'
        f"{draw_histogram(image.histogram, f'Luminance of {image.name}')}<dl>{facts}</dl>"
    )


def _reasons(image: ImageReport) -> str:
    """Return the findings that no number on the card explains."""
    told = [finding for finding in image.findings if finding.code in {"unreadable", "duplicate"}]
    return "".join(f'<p class="reason">{_breakable(finding.message)}</p>' for finding in told)


def _more(count: int) -> str:
    return f"<p>{count:,} more pictures stand in report.json.</p>" if count > 0 else ""


def _skipped(names: list[str]) -> str:
    if not names:
        return ""
    listed = "".join(f"<li>{escape(name)}</li>" for name in names[:_MAX_NAMES])
    more = f"<li>and {len(names) - _MAX_NAMES:,} more</li>" if len(names) > _MAX_NAMES else ""
    return f"<h2>Not looked at</h2><p>These files are no PNG:</p><ul>{listed}{more}</ul>"


def _limits(limits: Thresholds) -> str:
    rows = [
        f"<tr><th scope='row'>{escape(field.description or name)}</th>"
        f"<td>{getattr(limits, name):g}</td></tr>"
        for name, field in Thresholds.model_fields.items()
    ]
    return f"<table><caption>Thresholds of this audit</caption>{''.join(rows)}</table>"

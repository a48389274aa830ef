"""Turns measures into findings."""

from image_quality.measures import Measures
from image_quality.report import Finding, ImageReport, Thresholds

__all__ = ["add_duplicates", "describe", "describe_unreadable"]


def describe(name: str, size_bytes: int, measures: Measures, limits: Thresholds) -> ImageReport:
    """Return the report on a picture that could be measured."""
    return ImageReport(
        name=name,
        size_bytes=size_bytes,
        width=measures.width,
        height=measures.height,
        brightness=measures.brightness,
        contrast=measures.contrast,
        sharpness=measures.sharpness,
        histogram=list(measures.histogram),
        fingerprint=f"{measures.fingerprint:016x}",
        findings=_judge(measures, limits),
    )


def describe_unreadable(name: str, size_bytes: int, reason: str) -> ImageReport:
    """Return the report on a file that is no whole picture."""
    finding = Finding(code="unreadable", message=f"Cannot be read: {reason}.")
    return ImageReport(name=name, size_bytes=size_bytes, findings=[finding])


def add_duplicates(images: list[ImageReport], groups: list[list[str]]) -> None:
    """Add a finding to each picture of each group but the largest, which is worth keeping."""
    by_name = {image.name: image for image in images}
    for group in groups:
        keep = max(group, key=lambda name: (_pixels(by_name[name]), by_name[name].size_bytes))
        for name in group:
            if name != keep:
                text = f"Looks the same as {keep}."
                by_name[name].findings.append(Finding(code="duplicate", message=text))


def _pixels(image: ImageReport) -> int:
    return (image.width or 0) * (image.height or 0)


def _judge(measures: Measures, limits: Thresholds) -> list[Finding]:
    findings: list[Finding] = []
    if min(measures.width, measures.height) < limits.min_side_px:
        text = f"{measures.width} by {measures.height} px; the least is {limits.min_side_px} px."
        findings.append(Finding(code="too_small", message=text))
    if measures.brightness < limits.dark_below:
        text = f"Brightness {measures.brightness} is below {limits.dark_below:g}."
        findings.append(Finding(code="too_dark", message=text))
    if measures.brightness > limits.bright_above:
        text = f"Brightness {measures.brightness} is above {limits.bright_above:g}."
        findings.append(Finding(code="too_bright", message=text))
    if measures.contrast < limits.contrast_below:
        text = f"Contrast {measures.contrast} is below {limits.contrast_below:g}."
        findings.append(Finding(code="low_contrast", message=text))
    if measures.sharpness < limits.sharpness_below:
        text = f"Sharpness {measures.sharpness} is below {limits.sharpness_below:g}."
        findings.append(Finding(code="blurry", message=text))
    return findings

"""What an audit found, in the form in which it is saved and returned."""

from typing import Literal

from pydantic import BaseModel, Field

__all__ = ["AuditReport", "AuditResult", "Finding", "ImageReport", "Thresholds"]

FindingCode = Literal[
    "unreadable", "too_small", "too_dark", "too_bright", "low_contrast", "blurry", "duplicate"
]


class Thresholds(BaseModel):
    """Where a picture stops being good enough."""

    min_side_px: int = Field(default=96, ge=1, description="Least px of the shorter side")
    dark_below: float = Field(default=50, ge=0, le=255, description="Least brightness")
    bright_above: float = Field(default=205, ge=0, le=255, description="Most brightness")
    contrast_below: float = Field(default=18, ge=0, le=127, description="Least contrast")
    sharpness_below: float = Field(default=60, ge=0, description="Least sharpness")
    duplicate_bits: int = Field(
        default=6, ge=0, le=16, description="Most bits of 64 in which duplicates differ"
    )


class Finding(BaseModel):
    """One flaw of one picture."""

    code: FindingCode
    message: str


class ImageReport(BaseModel):
    """All that is known about one file; the measures are missing when it could not be read."""

    name: str
    size_bytes: int
    width: int | None = None
    height: int | None = None
    brightness: float | None = None
    contrast: float | None = None
    sharpness: float | None = None
    histogram: list[float] = []
    fingerprint: str | None = None
    findings: list[Finding] = []

    @property
    def is_flawed(self) -> bool:
        """Whether anything was found."""
        return bool(self.findings)


class AuditReport(BaseModel):
    """The whole audit: what `report.json` holds."""

    folder: str
    thresholds: Thresholds
    images: list[ImageReport]
    duplicates: list[list[str]]
    skipped: list[str]

    @property
    def flawed(self) -> list[ImageReport]:
        """The pictures with findings, those with the most first."""
        found = [image for image in self.images if image.is_flawed]
        return sorted(found, key=lambda image: (-len(image.findings), image.name))

    @property
    def flawed_percent(self) -> float:
        """Share of the pictures with findings."""
        return round(100 * len(self.flawed) / max(1, len(self.images)), 1)


class AuditResult(BaseModel):
    """The audit in short: what the run returns."""

    images: int
    flawed: int
    flawed_percent: float
    findings: dict[str, int] = Field(description="Number of pictures by finding")
    duplicates: list[list[str]]
    flawed_names: list[str] = Field(description="Those with the most findings first, 20 at most")
    skipped: int = Field(description="Files that are no PNG")
    report: str = Field(default="report.html", description="Artifact for people")
    data: str = Field(default="report.json", description="Artifact with every measure, for `gate`")

"""The action that looks at every picture of a folder."""

from collections import Counter
from pathlib import Path

from pydantic import Field

from image_quality.contact_sheet import Colour, Tile, build_contact_sheet
from image_quality.duplicates import group_duplicates
from image_quality.html_report import render_html
from image_quality.judge import add_duplicates, describe, describe_unreadable
from image_quality.measures import measure
from image_quality.picture import Picture, fit
from image_quality.png import PngError, decode_png, encode_png
from image_quality.report import AuditReport, AuditResult, ImageReport, Thresholds
from synapse_core import BaseAction

__all__ = ["SHIPPED_IMAGES", "AuditAction", "AuditParams"]

SHIPPED_IMAGES = Path(__file__).parent.parent / "images"
"""Photographs that come with the plugin."""

_THUMBNAIL_PX = 160
_MAX_THUMBNAILS = 200
"""Memory for so many is a few MB, whatever the size of the folder."""

_MAX_FILE_BYTES = 256_000_000

_GREEN: Colour = (27, 127, 75)
_AMBER: Colour = (224, 138, 30)
_RED: Colour = (179, 38, 30)


class AuditParams(Thresholds):
    """What to look at, and where a picture stops being good enough."""

    folder: Path | None = Field(
        default=None,
        description="Folder with PNG files; none for the pictures shipped here",
    )
    recursive: bool = Field(default=False, description="Look into the folders below it too")


class AuditAction(BaseAction[AuditParams]):
    """Measure every PNG of a folder, find flawed and doubled pictures, and write a report."""

    action_name = "audit"
    result_model = AuditResult

    def execute(self) -> AuditResult:
        """Look at each picture, then save the report for people, for programs and as a sheet."""
        folder = (self.params.folder or SHIPPED_IMAGES).expanduser()
        pictures, skipped = _find_files(folder, recursive=self.params.recursive)
        self.logger.info("Looking at %d pictures in %s", len(pictures), folder)
        images: list[ImageReport] = []
        thumbnails: dict[str, Picture] = {}
        for number, path in enumerate(pictures, start=1):
            self.ctx.check_cancelled()
            name = path.relative_to(folder).as_posix()
            image, picture = self._look_at(path, name)
            images.append(image)
            if picture is not None and len(thumbnails) < _MAX_THUMBNAILS:
                thumbnails[name] = fit(picture, _THUMBNAIL_PX)
            self.set_progress(number, len(pictures), category="pictures")
        fingerprints = {
            image.name: int(image.fingerprint, 16) for image in images if image.fingerprint
        }
        duplicates = group_duplicates(fingerprints, self.params.duplicate_bits)
        add_duplicates(images, duplicates)
        report = AuditReport(
            folder=str(folder),
            thresholds=Thresholds.model_validate(self.params.model_dump()),
            images=images,
            duplicates=duplicates,
            skipped=skipped,
        )
        self._save(report, thumbnails)
        return self._conclude(report)

    def _look_at(self, path: Path, name: str) -> tuple[ImageReport, Picture | None]:
        """Measure one file; one that cannot be read is a finding, not the end of the audit."""
        size = path.stat().st_size
        try:
            picture = _load(path, size)
        except (PngError, OSError) as error:
            self.logger.warning("%s: %s", name, error)
            return describe_unreadable(name, size, str(error)), None
        measures = measure(picture)
        image = describe(name, size, measures, self.params)
        for finding in image.findings:
            self.logger.warning("%s: %s", name, finding.message)
        self.set_metrics(
            {
                "brightness": measures.brightness,
                "contrast": measures.contrast,
                "sharpness": measures.sharpness,
            },
            category="picture",
        )
        return image, picture

    def _save(self, report: AuditReport, thumbnails: dict[str, Picture]) -> None:
        files = {name: encode_png(picture) for name, picture in thumbnails.items()}
        self.ctx.save_artifact(render_html(report, files).encode(), "report.html")
        self.ctx.save_artifact(report.model_dump_json(indent=2).encode(), "report.json")
        sheet = build_contact_sheet([_tile(image, thumbnails) for image in report.images])
        self.ctx.save_artifact(encode_png(sheet), "contact_sheet.png")

    def _conclude(self, report: AuditReport) -> AuditResult:
        flawed = report.flawed
        self.set_metrics({"images": len(report.images), "flawed": len(flawed)}, category="audit")
        self.ctx.log_message(
            f"{len(flawed)} of {len(report.images)} pictures deserve a look. See report.html."
        )
        return AuditResult(
            images=len(report.images),
            flawed=len(flawed),
            flawed_percent=report.flawed_percent,
            findings=Counter(finding.code for image in flawed for finding in image.findings),
            duplicates=report.duplicates,
            flawed_names=[image.name for image in flawed[:20]],
            skipped=len(report.skipped),
        )


def _find_files(folder: Path, *, recursive: bool) -> tuple[list[Path], list[str]]:
    """Return the PNG files of a folder, and the names of its other files; hidden ones are left."""
    if not folder.is_dir():
        raise NotADirectoryError(
            f"There is no folder {folder}. Give `folder` an absolute path, or leave it out to "
            "audit the pictures shipped with this plugin."
        )
    pictures: list[Path] = []
    others: list[str] = []
    for path in sorted(folder.rglob("*") if recursive else folder.iterdir()):
        name = path.relative_to(folder)
        if any(part.startswith(".") for part in name.parts) or not path.is_file():
            continue
        if path.suffix.lower() == ".png":
            pictures.append(path)
        else:
            others.append(name.as_posix())
    return pictures, others


def _load(path: Path, size_bytes: int) -> Picture:
    if size_bytes > _MAX_FILE_BYTES:
        raise PngError(f"it has {size_bytes:,} bytes, more than {_MAX_FILE_BYTES:,}")
    return decode_png(path.read_bytes())


def _tile(image: ImageReport, thumbnails: dict[str, Picture]) -> Tile:
    picture = thumbnails.get(image.name)
    if image.width is None:
        return None, _RED
    small = fit(picture, 90) if picture is not None else None
    return small, _AMBER if image.is_flawed else _GREEN

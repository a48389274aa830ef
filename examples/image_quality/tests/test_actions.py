"""The three actions, each run in one line."""

import shutil
from pathlib import Path

import pytest

from image_quality.audit import SHIPPED_IMAGES, AuditAction
from image_quality.gate import GateAction, GateError
from image_quality.png import decode_png
from image_quality.report import AuditReport
from image_quality.thumbnail import make_thumbnail
from synapse_core.testing import ActionRun, run_action


@pytest.fixture(scope="module")
def audit() -> ActionRun:
    """The audit of all pictures that come with the plugin, which takes seconds."""
    return run_action(AuditAction, {})


def copy_images(folder: Path, *names: str) -> str:
    for name in names:
        shutil.copy(SHIPPED_IMAGES / name, folder)
    return str(folder)


def test_an_audit_finds_every_flaw_that_was_put_in(audit: ActionRun) -> None:
    report = AuditReport.model_validate_json(audit.artifact("report.json").path.read_bytes())
    found = {image.name: {finding.code for finding in image.findings} for image in report.images}
    assert audit.result["images"] == 18
    assert "too_bright" in found["astronaut_overexposed.png"]
    assert "unreadable" in found["brick_interrupted_upload.png"]
    assert "too_small" in found["camera_thumbnail.png"]
    assert "too_dark" in found["coffee_underexposed.png"]
    assert "blurry" in found["clock_motion.png"]
    assert "low_contrast" in found["gravel_fog.png"]
    assert not found["chelsea.png"] & {"too_dark", "too_bright", "blurry", "unreadable"}
    assert any(
        {"chelsea.png", "chelsea_saved_again.png"} <= set(group) for group in report.duplicates
    )


def test_an_audit_leaves_a_report_for_people_and_a_contact_sheet(tmp_path: Path) -> None:
    folder = copy_images(tmp_path, "astronaut.png", "chelsea.png")

    done = run_action(AuditAction, {"folder": folder})

    html = done.artifact("report.html").path.read_text(encoding="utf-8")
    sheet = decode_png(done.artifact("contact_sheet.png").path.read_bytes())
    assert "astronaut.png" in html
    assert "<script" not in html
    assert min(sheet.width, sheet.height) > 90
    assert done.progress["pictures"].percent == 100


def test_an_audit_of_a_folder_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError, match="Give `folder` an absolute path"):
        run_action(AuditAction, {"folder": str(tmp_path / "missing")})


def test_files_that_are_no_pictures_are_counted_and_left_alone(tmp_path: Path) -> None:
    folder = copy_images(tmp_path, "horse.png", "LICENSES.md")

    done = run_action(AuditAction, {"folder": folder})

    assert (done.result["images"], done.result["skipped"]) == (1, 1)


def test_the_gate_names_the_pictures_that_close_it(audit: ActionRun) -> None:
    report = audit.artifact("report.json").path

    with pytest.raises(GateError, match="pictures are flawed"):
        run_action(GateAction, {"report": str(report), "max_flawed_percent": 10})


def test_the_gate_opens_for_findings_that_do_not_count(audit: ActionRun) -> None:
    report = audit.artifact("report.json").path
    codes = [
        "unreadable",
        "too_small",
        "too_dark",
        "too_bright",
        "low_contrast",
        "blurry",
        "duplicate",
    ]

    done = run_action(GateAction, {"report": str(report), "max_flawed_percent": 0, "ignore": codes})

    assert done.result["flawed"] == 0


def test_a_thumbnail_fits_into_its_side() -> None:
    done = run_action(make_thumbnail, {"image": str(SHIPPED_IMAGES / "coffee.png"), "side_px": 64})

    picture = decode_png(done.artifact("coffee_64.png").path.read_bytes())
    assert max(picture.width, picture.height) == 64
    assert done.result == {"width": picture.width, "height": picture.height}

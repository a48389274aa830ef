"""The action that decides whether a folder is good enough to train on."""

from pathlib import Path

from pydantic import BaseModel, Field

from image_quality.report import AuditReport
from synapse_core import BaseAction

__all__ = ["GateAction", "GateError", "GateParams", "GateResult"]

_NAMED = 5
"""Pictures named in the error; the report has them all."""


class GateParams(BaseModel):
    """Which audit to judge, and how strictly."""

    report: Path = Field(description="Path of the report.json that an audit saved")
    max_flawed_percent: float = Field(
        default=10, ge=0, le=100, description="Share of pictures that may have a finding"
    )
    ignore: list[str] = Field(
        default=[], description="Findings that do not count, such as blurry or duplicate"
    )


class GateResult(BaseModel):
    """The numbers behind a yes."""

    images: int
    flawed: int
    flawed_percent: float


class GateError(RuntimeError):
    """Too many pictures are flawed."""


class GateAction(BaseAction[GateParams]):
    """Fail unless few enough pictures of an audit are flawed."""

    action_name = "gate"
    result_model = GateResult

    def execute(self) -> GateResult:
        """Count the flawed pictures of the report, and say yes or fail."""
        text = self.params.report.expanduser().read_text(encoding="utf-8")
        report = AuditReport.model_validate_json(text)
        counted = [
            image.name
            for image in report.images
            if any(finding.code not in self.params.ignore for finding in image.findings)
        ]
        percent = round(100 * len(counted) / max(1, len(report.images)), 1)
        self.set_metrics({"flawed_percent": percent}, category="gate")
        if percent > self.params.max_flawed_percent:
            listed = ", ".join(counted[:_NAMED]) + (", …" if len(counted) > _NAMED else "")
            raise GateError(
                f"{len(counted)} of {len(report.images)} pictures are flawed ({percent} %, "
                f"allowed are {self.params.max_flawed_percent:g} %): {listed}"
            )
        return GateResult(images=len(report.images), flawed=len(counted), flawed_percent=percent)

"""The doctor tells whether what clients change can be recorded."""

from pathlib import Path

from synapse_core.config.home import Home
from synapse_core.operations.doctor.findings import FindingLevel
from synapse_core.operations.doctor.installation import check_audit


def levels(home: Home) -> list[FindingLevel]:
    return [finding.level for finding in check_audit(home)]


def test_nothing_is_said_before_anything_was_changed(tmp_path: Path) -> None:
    assert levels(Home(tmp_path)) == []


def test_a_file_that_can_be_written_is_fine(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.audit_file.write_text("{}\n")

    assert levels(home) == [FindingLevel.OK]


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.audit_file.symlink_to("/dev/null")

    (finding,) = check_audit(home)

    assert finding.level is FindingLevel.WARNING
    assert "is no file" in finding.message
    assert finding.fix

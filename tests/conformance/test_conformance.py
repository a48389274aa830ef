"""The official conformance suite against the real server over HTTP.

The fixtures that it calls by name stand in front of the server; what they do not know, it answers:
lists, protocol, errors, tasks, skills.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.programs import FOLDER, failing_checks, run_node

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("conformance")]

ON_HOLD = "server-sse-polling"
"""On hold in the suite itself: streams that are taken up again after a disconnect."""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("conformance")
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "tests.conformance.serve_fixtures"],
        cwd=FOLDER.parents[1],
        env={**os.environ, "SYNAPSE_HOME": str(home)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


@pytest.mark.parametrize("revision", ["2025-11-25", "2026-07-28"])
def test_the_server_meets_what_a_revision_requires(url: str, revision: str, tmp_path: Path) -> None:
    """With the extension Tasks, which no revision requires."""
    done = run_node(
        "conformance", "server", "--url", url, "--requirements", revision, "-o", tmp_path, env={}
    )

    assert done.returncode == 0, done.stdout
    assert [check for check in failing_checks(tmp_path) if ON_HOLD not in check] == []
    scenarios = len(list(tmp_path.glob("*/checks.json")))
    assert scenarios >= {"2025-11-25": 33, "2026-07-28": 50}[revision]


@pytest.mark.parametrize(
    "scenario",
    ["sep-2640-skills-enumeration", "sep-2640-skills-directory", "sep-2640-skills-manifest"],
)
def test_skills_are_served_as_their_extension_says(url: str, scenario: str, tmp_path: Path) -> None:
    done = run_node(
        "conformance", "server", "--url", url, "--scenario", scenario, "-o", tmp_path, env={}
    )

    assert done.returncode == 0, done.stdout
    assert failing_checks(tmp_path) == []
    assert len(list(tmp_path.glob("*/checks.json"))) == 1

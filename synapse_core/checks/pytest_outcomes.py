"""Plugin of pytest that writes the outcome of each test to a file as soon as it is known.

It runs in the process of the tests. What it has written outlives that process, so a crash or a
timeout hides only the test that caused it.
"""

import json
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from io import TextIOWrapper

    import pytest

__all__ = ["OUTCOMES_VARIABLE", "pytest_configure"]

OUTCOMES_VARIABLE = "SYNAPSE_TEST_OUTCOMES"
"""Names the file to write to."""

MAX_DETAILS_CHARS = 20_000


def pytest_configure(config: "pytest.Config") -> None:
    """Start writing, in the process that sees all outcomes."""
    file = os.environ.get(OUTCOMES_VARIABLE)
    is_worker = hasattr(config, "workerinput")  # of pytest-xdist; its controller hears of all
    if file and not is_worker:
        # Left open: it ends with the process.
        stream = open(file, "w", encoding="utf-8", buffering=1)  # noqa: PTH123, SIM115 (see above)
        config.pluginmanager.register(_Writer(stream), "synapse-outcomes")


class _Writer:
    def __init__(self, stream: "TextIOWrapper") -> None:
        self._stream = stream

    def pytest_runtest_logstart(self, nodeid: str, location: tuple[str, int | None, str]) -> None:
        """Note which test runs, in case it is the last thing that does."""
        file, line, _ = location
        self._write({"kind": "started", "test": nodeid, "file": file, "line": (line or 0) + 1})

    def pytest_runtest_logreport(self, report: "pytest.TestReport") -> None:
        """Write how a phase of a test ended, when that says something about the test."""
        if report.when == "call" or report.outcome != "passed":
            file, line, _ = report.location
            self._write(
                {
                    "kind": "ended",
                    "test": report.nodeid,
                    "status": _status(report),
                    "duration_s": round(report.duration, 6),
                    "file": file,
                    "line": (line or 0) + 1,
                    **_describe(report),
                }
            )

    def pytest_collectreport(self, report: "pytest.CollectReport") -> None:
        """Write why a file could not be collected."""
        if report.outcome == "failed":
            self._write(
                {
                    "kind": "ended",
                    "test": report.nodeid,
                    "status": "error",
                    "duration_s": 0.0,
                    "file": report.nodeid.partition("::")[0],
                    "line": 1,
                    **_describe(report),
                }
            )

    def _write(self, entry: dict[str, object]) -> None:
        self._stream.write(json.dumps(entry) + "\n")


def _status(report: "pytest.TestReport") -> str:
    if hasattr(report, "wasxfail"):
        return "xfailed" if report.outcome == "skipped" else "xpassed"
    if report.outcome == "failed" and report.when != "call":
        return "error"
    return report.outcome


def _describe(report: "pytest.TestReport | pytest.CollectReport") -> dict[str, object]:
    """Return the message, the traceback, and where the test's own code gave up."""
    if report.outcome == "passed":
        return {}
    described: dict[str, object] = {"details": report.longreprtext[-MAX_DETAILS_CHARS:]}
    if isinstance(report.longrepr, tuple):  # of a skipped test: file, line, reason
        described["message"] = str(report.longrepr[2])
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None:
        described |= {
            "message": crash.message,
            "failed_file": crash.path,
            "failed_line": crash.lineno,
        }
    return described

"""Run the tests of a plugin."""

import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from synapse_core.checks.pytest_outcomes import OUTCOMES_VARIABLE
from synapse_core.errors import InvalidInputError, MissingExtraError, StorageError
from synapse_core.operations.plugins import locate_plugin
from synapse_core.plugins.layout import find_import_roots
from synapse_core.types import JSONObject
from synapse_core.worker.environment import allowed_environment
from synapse_core.workspace import Workspace

__all__ = ["DEFAULT_TIMEOUT_S", "TestOutcome", "TestReport", "TestStatus", "test_plugin"]

DEFAULT_TIMEOUT_S = 600.0

_GRACE_S = 2.0
"""Between asking the tests to end and killing them."""

_MAX_OUTPUT_BYTES = 64 << 10
_USAGE_ERROR, _NOTHING_COLLECTED = 4, 5


class TestStatus(StrEnum):
    """How a test ended."""

    __test__ = False  # its name looks like that of a test

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    """It could not be collected, or what it needs could not be set up or taken down."""
    SKIPPED = "skipped"
    XFAILED = "xfailed"
    XPASSED = "xpassed"
    LOST = "lost"
    """It was running when the process of the tests ended or was stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TestOutcome:
    """How one test ended.

    Attributes:
        test: Its id, as pytest takes it: `tests/test_a.py::test_b`.
        status: How it ended.
        duration_s: Seconds that its body took.
        file: Relative to the plugin's folder: where it failed, else where it stands.
        line: Line there, from 1.
        message: Why it did not pass, in short.
        details: The traceback and what was compared.
    """

    __test__ = False

    test: str
    status: TestStatus
    duration_s: float
    file: str
    line: int
    message: str = ""
    details: str = ""

    @property
    def is_good(self) -> bool:
        """Whether nothing has to be done about it."""
        return self.status in {TestStatus.PASSED, TestStatus.SKIPPED, TestStatus.XFAILED}


@dataclass(frozen=True, slots=True, kw_only=True)
class TestReport:
    """How the tests of a plugin went.

    Attributes:
        plugin: Name of the plugin's folder.
        path: The folder.
        outcomes: One for each test, in the order in which they ended.
        duration_s: Seconds from start to end.
        exit_code: Of pytest; negative for the signal that ended it.
        problem: Why the tests as a whole are no success, when no single test says it.
        output: The end of what pytest printed.
    """

    __test__ = False

    plugin: str
    path: Path
    outcomes: tuple[TestOutcome, ...]
    duration_s: float
    exit_code: int
    problem: str
    output: str

    @property
    def ok(self) -> bool:
        """Whether there are tests, and none failed."""
        return self.exit_code == 0 and not self.problem

    @property
    def counts(self) -> dict[str, int]:
        """How many tests ended in each way."""
        return dict(Counter(outcome.status.value for outcome in self.outcomes))


def test_plugin(
    workspace: Workspace,
    path: str | Path,
    args: Sequence[str] = (),  # noqa: PT028 no test, in spite of its name
    *,
    timeout_s: float = DEFAULT_TIMEOUT_S,  # noqa: PT028 no test, in spite of its name
    environ: Mapping[str, str] | None = None,  # noqa: PT028 no test, in spite of its name
) -> TestReport:
    """Run the plugin's own tests in a process of their own, and return what became of each.

    They run in the plugin's folder with its import root first on the path, with the variables that
    a worker would get and an empty stdin. They write no caches into the folder.

    Args:
        workspace: Where plugins are.
        path: Folder of the plugin, or its code.
        args: Further arguments of pytest, such as `-k name` or `-x`.
        timeout_s: Seconds until they are stopped.
        environ: Variables to choose from; None for those of this process.

    Raises:
        InvalidInputError: pytest does not understand the arguments or its configuration.
        MissingExtraError: pytest is not installed.
        PathRefusedError: The folder lies outside the roots.
        PluginNotFoundError: There is no such plugin.
        StorageError: The process cannot be started.
    """
    _require_pytest()
    folder = locate_plugin(workspace, path)
    variables = allowed_environment(os.environ if environ is None else environ)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="synapse-test-") as name:
        place = Path(name)
        process = _Process(folder, place, _build_command(workspace, folder, place, args), variables)
        exit_code = process.run(timeout_s)
        output = _read_end(place / "output.log")
        outcomes, lost = _read_outcomes(folder, place / "outcomes.jsonl")
    _refuse_usage_error(exit_code, output)
    if lost is not None:
        outcomes.append(_give_up(lost, exit_code))
    return TestReport(
        plugin=folder.name,
        path=folder,
        outcomes=tuple(outcomes),
        duration_s=round(time.monotonic() - started, 3),
        exit_code=exit_code if exit_code is not None else -signal.SIGKILL,
        problem=_find_problem(exit_code, outcomes, timeout_s),
        output=output,
    )


def _require_pytest() -> None:
    if importlib.util.find_spec("pytest") is None:
        raise MissingExtraError(
            "The tests of a plugin are run by pytest, which is not installed.",
            hint="Install it where Synapse runs: pip install pytest",
        )


def _refuse_usage_error(exit_code: int | None, output: str) -> None:
    if exit_code == _USAGE_ERROR:
        raise InvalidInputError(
            f"pytest cannot start: {_last_lines(output)}",
            hint="Correct the arguments, or pytest's part of the plugin's configuration.",
        )


class _Process:
    """pytest with all its children, in a session of its own."""

    def __init__(
        self, folder: Path, place: Path, command: Sequence[str], variables: Mapping[str, str]
    ) -> None:
        self._folder = folder
        self._place = place
        self._command = command
        self._variables = {
            **variables,
            OUTCOMES_VARIABLE: str(place / "outcomes.jsonl"),
            "PYTHONPATH": os.pathsep.join(str(root) for root in find_import_roots(folder)),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUTF8": "1",
        }

    def run(self, timeout_s: float) -> int | None:
        """Return the exit code; None when the time was over."""
        with (self._place / "output.log").open("wb") as output:
            try:
                process = subprocess.Popen(  # noqa: S603 the command is ours, a list, and no shell
                    self._command,
                    cwd=self._folder,
                    env=self._variables,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                raise StorageError(
                    f"Cannot start pytest in {self._folder}: {error.strerror}.",
                    hint="Check that the folder can be entered.",
                    path=str(self._folder),
                ) from error
        try:
            return process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None
        finally:  # also when the caller is interrupted, and for children that tests left behind
            _end_group(process)


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    """End the process and everything that it started, asking first."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # nothing is left of it
        os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_S)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _build_command(
    workspace: Workspace, folder: Path, place: Path, args: Sequence[str]
) -> list[str]:
    caches = workspace.home.cache_dir / "pytest" / folder.name
    command = [sys.executable, "-m", "pytest", "-p", "synapse_core.checks.pytest_outcomes"]
    command += ["--rootdir", str(folder), "-o", f"cache_dir={caches}", "--color=no"]
    if not _has_configuration(folder):
        # Else pytest would take that of a folder above, such as a repository of many plugins.
        empty = place / "pytest.ini"
        empty.write_text("[pytest]\n", encoding="utf-8")
        command += ["-c", str(empty)]
    return [*command, *args]


def _has_configuration(folder: Path) -> bool:
    if any((folder / name).is_file() for name in ("pytest.ini", ".pytest.ini", "tox.ini")):
        return True
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if "[tool:pytest]" in (folder / "setup.cfg").read_text(encoding="utf-8"):
            return True
    try:
        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    except OSError:
        return False
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return True  # pytest says what is wrong with it
    return "pytest" in project.get("tool", {})


def _read_end(file: Path) -> str:
    with file.open("rb") as content:
        size = content.seek(0, os.SEEK_END)
        content.seek(max(0, size - _MAX_OUTPUT_BYTES))
        return content.read().decode(errors="backslashreplace")


def _read_outcomes(folder: Path, file: Path) -> tuple[list[TestOutcome], JSONObject | None]:
    """Return how tests ended, and the one that was running when their process ended."""
    outcomes: dict[str, TestOutcome] = {}
    running: dict[str, JSONObject] = {}
    for entry in _read_entries(file):
        test = str(entry["test"])
        if entry["kind"] == "started":
            running[test] = entry
            continue
        running.pop(test, None)
        outcome = _parse_outcome(folder, entry)
        # Taking down may fail after the test has passed; what is worse counts.
        if test not in outcomes or outcomes[test].is_good:
            outcomes[test] = outcome
    return list(outcomes.values()), next(reversed(running.values()), None)


def _read_entries(file: Path) -> Iterator[JSONObject]:
    if file.exists():  # else pytest has not come so far
        for line in file.read_text(encoding="utf-8").splitlines(keepends=True):
            if line.endswith("\n"):  # else the process ended while it wrote
                yield json.loads(line)


def _parse_outcome(folder: Path, entry: JSONObject) -> TestOutcome:
    file, line = str(entry["file"]), entry["line"]
    failed_file = Path(str(entry.get("failed_file", "")))
    if failed_file.is_absolute() and failed_file.is_relative_to(folder):
        file, line = failed_file.relative_to(folder).as_posix(), entry["failed_line"]
    return TestOutcome(
        test=str(entry["test"]),
        status=TestStatus(str(entry["status"])),
        duration_s=float(str(entry["duration_s"])),
        file=file,
        line=int(str(line)),
        message=str(entry.get("message", "")),
        details=str(entry.get("details", "")),
    )


def _give_up(entry: JSONObject, exit_code: int | None) -> TestOutcome:
    how = "was stopped" if exit_code is None else f"ended ({_say_exit(exit_code)})"
    return TestOutcome(
        test=str(entry["test"]),
        status=TestStatus.LOST,
        duration_s=0.0,
        file=str(entry["file"]),
        line=int(str(entry["line"])),
        message=f"It was running when the process of the tests {how}.",
    )


def _find_problem(exit_code: int | None, outcomes: Sequence[TestOutcome], timeout_s: float) -> str:
    if exit_code is None:
        return f"The tests did not end within {timeout_s:g} s and were stopped."
    if exit_code == _NOTHING_COLLECTED:
        return "No tests were found. Write some into tests/test_*.py."
    if exit_code != 0 and all(outcome.is_good for outcome in outcomes):
        return f"The process of the tests ended with {_say_exit(exit_code)}. See its output."
    return ""


def _say_exit(exit_code: int) -> str:
    if exit_code < 0:
        return signal.Signals(-exit_code).name
    return f"exit code {exit_code}"


def _last_lines(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    told = [line for line in lines if "error" in line.lower()]
    return " ".join(told or lines[-3:])[:1000]

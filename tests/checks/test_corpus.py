"""Each broken plugin gets exactly the findings it must get, and is never called valid wrongly."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from synapse_core.errors import SynapseError
from synapse_core.model.plugin import Diagnostic
from synapse_core.model.run import RunStatus
from synapse_core.operations.checking import check_plugin
from synapse_core.operations.runs import StartRun, start_run, wait_run
from synapse_core.workspace import Workspace
from tests.checks.corpus import Case, load_cases

CASES = load_cases()
FAILING = [case for case in CASES if not case.runs]
SOURCE = Path(__file__).parents[2] / "synapse_core"
MAKERS = frozenset(
    {"Diagnostic", "in_manifest", "in_source", "_broken", "_describe", "_module", "_no_file"}
    | {"_say", "self._say", "_unreadable"}
)
"""Functions and classes that are given the code of a finding."""

ELSEWHERE = {"import-slow", "import-timeout", "manifest-missing"}
"""Findings about time, which test_imported.py provokes with short limits; and no plugin at all."""

CODE = re.compile(r"[a-z]+(-[a-z]+)+")


def told(findings: tuple[Diagnostic, ...]) -> list[str]:
    return sorted(f"{one.severity} {one.code} {one.file}:{one.line}" for one in findings)


def test_the_plugin_that_nobody_broke_has_no_findings_and_runs(
    workspace: Workspace, folder: Path
) -> None:
    plugin = Case("base").write(folder)

    report = check_plugin(workspace, str(plugin))

    assert told(report.diagnostics) == []
    assert report.ok
    assert report.actions == ("draw", "count", "scale")
    for action in report.actions:
        run = start_run(workspace, StartRun(plugin=str(plugin), action=action))
        assert wait_run(workspace, run.id, timeout_s=30).status is RunStatus.SUCCEEDED


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_broken_plugin_gets_the_findings_it_must_get(
    workspace: Workspace, folder: Path, case: Case
) -> None:
    report = check_plugin(workspace, str(case.write(folder)))

    assert told(report.diagnostics) == sorted(case.expect)
    assert all(one.message and one.fix for one in report.diagnostics)
    assert report.ok == (not any(line.startswith("error ") for line in case.expect))


@pytest.mark.parametrize("case", FAILING, ids=lambda case: case.name)
def test_what_cannot_run_is_never_called_valid(
    workspace: Workspace, folder: Path, case: Case
) -> None:
    plugin = str(case.write(folder))

    assert not check_plugin(workspace, plugin).ok
    try:
        run = start_run(workspace, StartRun(plugin=plugin, action="draw"))
    except SynapseError:
        return  # it could not even be placed
    assert wait_run(workspace, run.id, timeout_s=30).status is RunStatus.FAILED


def test_the_corpus_is_large_and_its_names_are_different() -> None:
    assert len(CASES) >= 60
    assert len({case.name for case in CASES}) == len(CASES)


def test_every_kind_of_finding_is_provoked_by_a_case() -> None:
    """A check that nothing provokes could be removed, and no test would notice."""
    provoked = {code for case in CASES for code in case.codes}

    assert set(codes_in_source()) - provoked == ELSEWHERE


def codes_in_source() -> Iterator[str]:
    """Yield the codes that checks and manifests can give, read from their source."""
    for file in [*(SOURCE / "checks").glob("*.py"), *(SOURCE / "plugins").glob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in MAKERS:
                given = [*node.args, *(one.value for one in node.keywords if one.arg == "code")]
                for argument in given:
                    yield from (text for text in constants(argument) if CODE.fullmatch(text))
            elif isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
                first = node.value.elts[0]
                yield from (text for text in constants(first) if CODE.fullmatch(text))


def constants(node: ast.expr) -> Iterator[str]:
    """Yield the texts that the expression may be."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=body, orelse=orelse):
            yield from constants(body)
            yield from constants(orelse)
        case _:
            pass

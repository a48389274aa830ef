"""What every executor does with params, results, failures and reports."""

import hashlib

import pytest

from synapse_core.model.event import EventKind
from synapse_core.model.run import RunStatus
from synapse_core.operations.runs import rerun
from synapse_core.testing.contracts.executing import Bench

__all__ = ["ResultsContract"]

_KINDS = ["function", "plain", "function_async", "by_class", "by_class_async"]

_RESULTS = {
    "none": None,
    "bool": True,
    "int": 7,
    "float": 0.5,
    "text": "snow \N{SNOWMAN}",
    "list": [1, "a", None],
    "dict": {"a": {"b": [1]}},
    "tuple": [1, 2],
    "model": {"doubled": 4},
    "dataclass": {"x": 1, "y": 2.5},
    "enum": "red",
    "path": "a/b",
    "date": "2026-01-02",
}


class ResultsContract:
    """An action behaves the same wherever it is placed."""

    @pytest.mark.parametrize("action", _KINDS)
    def test_every_kind_of_action_gives_its_result(self, bench: Bench, action: str) -> None:
        """Functions and classes, plain and async."""
        ended = bench.run(action, number=3)

        assert (ended.status, ended.result) == (RunStatus.SUCCEEDED, {"doubled": 6}), ended.failure
        assert bench.statuses(ended) == [("running", 1), ("succeeded", 1)]
        assert (ended.attempt, ended.owner, ended.failure) == (1, None, None)
        assert ended.started_at is not None
        assert ended.finished_at is not None
        assert ended.created_at <= ended.started_at <= ended.finished_at
        bench.assert_whole(ended)

    @pytest.mark.parametrize(("kind", "result"), _RESULTS.items(), ids=_RESULTS.keys())
    def test_a_result_becomes_json(self, bench: Bench, kind: str, result: object) -> None:
        """What JSON has no word for is written in the nearest one."""
        ended = bench.run("returns", kind=kind)

        assert (ended.status, ended.result) == (RunStatus.SUCCEEDED, result), ended.failure
        assert [one.data for one in bench.events(ended, EventKind.OUTPUT)] == [{"result": result}]

    def test_a_result_that_does_not_meet_its_model_fails(self, bench: Bench) -> None:
        """And the failure names the field."""
        ended = bench.run("broken_promise")

        assert ended.status is RunStatus.FAILED
        assert ended.failure is not None
        assert ended.failure.code == "invalid_result"
        assert "doubled" in ended.failure.message

    def test_a_result_that_is_no_json_fails(self, bench: Bench) -> None:
        """It would be lost on the way."""
        ended = bench.run("no_json")

        assert ended.status is RunStatus.FAILED
        assert ended.failure is not None
        assert (ended.failure.code, bool(ended.failure.hint)) == ("invalid_result", True)

    def test_a_failure_names_the_line_of_the_users_code(self, bench: Bench) -> None:
        """With the whole traceback in the journal."""
        ended = bench.run("fails")

        assert ended.status is RunStatus.FAILED
        assert ended.failure is not None
        assert (ended.failure.type, ended.failure.message) == ("ValueError", "no good")
        assert ended.failure.where is not None
        assert ended.failure.where.source == 'raise ValueError("no good")'
        assert "Traceback (most recent call last)" in ended.failure.traceback
        assert [one.data["type"] for one in bench.events(ended, EventKind.ERROR)] == ["ValueError"]
        bench.assert_whole(ended)

    def test_an_exit_fails_its_run_only(self, bench: Bench) -> None:
        """Whatever the exit code."""
        ended = bench.run("fails", code="exit")
        after = bench.run("plain")

        assert ended.failure is not None
        assert ended.failure.type == "SystemExit"
        assert after.status is RunStatus.SUCCEEDED

    def test_reports_are_recorded_in_order(self, bench: Bench) -> None:
        """And folded into the summary."""
        ended = bench.run("reports")
        events = bench.events(ended)
        kinds = [one.kind for one in events if one.kind is not EventKind.STATUS]
        logged = [str(one.data["message"]) for one in events if one.kind is EventKind.LOG]
        summary = ended.summary
        saved = summary.artifacts["out/file.bin"]

        assert ended.result == ended.id
        assert kinds[0] is EventKind.LOG
        assert kinds[-1] is EventKind.OUTPUT
        assert logged[0] == "began"
        assert logged[1:3] == ["through the logger", "through logging"]
        assert logged[3].endswith("through warnings")
        assert summary.progress["train"].percent == 100
        assert summary.metrics == {"train": {"loss": 0.25}}
        assert summary.last_message == "half way"
        assert saved.sha256 == hashlib.sha256(b"bytes").hexdigest()
        folder = bench.workspace.home.run_dir(ended.id)
        assert (folder / saved.path).read_bytes() == b"bytes"
        bench.assert_whole(ended)

    def test_variables_of_the_plugin_reach_the_action(self, bench: Bench) -> None:
        """By the context."""
        assert bench.run("reads").result == "red"

    def test_a_rerun_is_a_run_of_its_own(self, bench: Bench) -> None:
        """With the same params, those that were changed replaced."""
        first = bench.run("plain", number=3)
        again = bench.wait(rerun(bench.workspace, first.id))
        other = bench.wait(rerun(bench.workspace, first.id, params={"number": 5}))

        assert (again.result, other.result) == ({"doubled": 6}, {"doubled": 10})
        assert (again.rerun_of, again.executor) == (first.id, first.executor)
        assert len({first.id, again.id, other.id}) == 3

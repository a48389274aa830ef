"""An action is run in one line, and shows all that it did."""

import logging
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from pydantic import BaseModel

from synapse_core import BaseAction, RuntimeContext, action
from synapse_core.errors import ParamsError, ResultError, RunCancelledError
from synapse_core.model.event import Event, EventKind
from synapse_core.testing import MemorySink, run_action


class Size(BaseModel):
    width: int = 1


class Measure(BaseAction[Size]):
    result_model = Size

    def execute(self) -> Size:
        return self.params


@action
def report(ctx: RuntimeContext, count: int = 3) -> Path:
    for number in range(count):
        ctx.check_cancelled()
        ctx.set_metrics({"loss": 1 / (number + 1)}, category="train")
        ctx.set_metrics({"loss": 9}, category="other")
        ctx.set_progress(number + 1, count, category="train")
    logging.getLogger("lib").info("from a library")
    ctx.log("began", {"count": count})
    ctx.log_message("Done.", "success")
    ctx.save_artifact(b"abc", "deep/data.bin")
    return Path("here.txt").absolute()


def test_result_and_value_are_both_there() -> None:
    done = run_action(Measure, {"width": "3"})

    assert done.value == Size(width=3)
    assert done.result == {"width": 3}
    assert done.error is None


def test_everything_that_was_reported_is_there() -> None:
    done = run_action(report)

    assert done.logs == ["from a library", "began"]
    assert done.messages == ["Done."]
    assert done.metrics == {"train": {"loss": 1 / 3}, "other": {"loss": 9}}
    assert done.series("loss", "train") == [1, 1 / 2, 1 / 3]
    assert len(done.series("loss")) == 6
    assert done.progress["train"].current == 3
    assert [event.seq for event in done.events] == list(range(1, len(done.events) + 1))


def test_a_saved_file_can_be_read() -> None:
    done = run_action(report)

    (saved,) = done.artifacts
    assert (saved.name, saved.size_bytes) == ("deep/data.bin", 3)
    assert saved.path.is_absolute()
    assert saved.path.read_bytes() == b"abc"
    assert done.artifact("deep/data.bin") == saved
    with pytest.raises(KeyError, match=r"'x' was not saved, only \['deep/data.bin'\]"):
        done.artifact("x")


def test_files_outlive_the_object_that_named_them() -> None:
    path = run_action(report).artifacts[0].path

    assert path.exists()


def test_each_run_has_a_working_directory_of_its_own() -> None:
    before = Path.cwd()

    places = {run_action(report).value.parent for _ in range(2)}

    assert len(places) == 2
    assert all(place.name == "work" for place in places)
    assert Path.cwd() == before


def test_files_go_where_they_are_wanted(tmp_path: Path) -> None:
    done = run_action(report, folder=tmp_path / "run")

    assert done.artifacts[0].path == tmp_path / "run" / "artifacts" / "deep" / "data.bin"


def test_the_actions_own_exception_arrives() -> None:
    class OwnError(Exception):
        pass

    @action
    def fail() -> None:
        raise OwnError("why")

    with pytest.raises(OwnError, match="why"):
        run_action(fail)


def test_an_exception_can_be_looked_at_with_what_was_reported_before() -> None:
    @action
    def fail(ctx: RuntimeContext) -> None:
        ctx.log_message("So far so good.")
        raise SystemExit(3)

    done = run_action(fail, check=False)

    assert isinstance(done.error, SystemExit)
    assert done.messages == ["So far so good."]


def test_params_and_results_are_held_to_their_models() -> None:
    @action
    def odd() -> object:
        return object()

    with pytest.raises(ParamsError):
        run_action(Measure, {"width": "wide"})
    with pytest.raises(ResultError):
        run_action(odd)


def test_variables_are_those_of_the_test_only() -> None:
    os.environ["SYNAPSE_TEST_SECRET"] = "x"
    try:

        @action
        def look(ctx: RuntimeContext) -> dict[str, str]:
            return ctx.env.to_dict()

        assert run_action(look, env={"DEBUG": True}).result == {"DEBUG": "true"}
    finally:
        del os.environ["SYNAPSE_TEST_SECRET"]


def test_a_run_may_be_cancelled_before_it_begins() -> None:
    with pytest.raises(RunCancelledError):
        run_action(report, cancel=True)


def test_a_run_may_be_cancelled_when_it_has_come_so_far() -> None:
    def second_metric(event: Event) -> bool:
        return event.kind is EventKind.METRICS and event.data["values"] == {"loss": 0.5}

    done = run_action(report, cancel=second_metric, check=False)

    assert isinstance(done.error, RunCancelledError)
    assert done.series("loss", "train") == [1, 0.5]


def test_a_warning_that_is_an_error_stays_one() -> None:
    @action
    def warn() -> None:
        warnings.warn("old", DeprecationWarning, stacklevel=1)

    with pytest.raises(DeprecationWarning, match="old"):
        run_action(warn)


def test_a_sink_may_be_looked_at_while_it_fills() -> None:
    seen: list[int] = []
    sink = MemorySink(lambda event: seen.append(event.seq))

    assert [sink.emit(EventKind.LOG, {}), sink.emit(EventKind.LOG, {})] == [1, 2]
    assert seen == [1, 2]


def test_temporary_files_are_gone_when_the_process_ends() -> None:
    code = """
import os
from synapse_core import action
from synapse_core.testing import run_action

@action
def save(ctx):
    ctx.save_artifact(b"x", "x")

path = run_action(save).artifacts[0].path
child = os.fork()
if child == 0:
    raise SystemExit  # a fork removes nothing
os.waitpid(child, 0)
assert path.exists()
print(path)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=50
    )

    assert not Path(done.stdout.strip()).exists()

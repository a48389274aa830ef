"""Actions in this process: what a person sees, and where files go."""

import io
import threading
from pathlib import Path

import pytest
from pydantic import BaseModel

from synapse_core import BaseAction, RuntimeContext, action
from synapse_core.errors import ActionDefinitionError, ParamsError, RunCancelledError
from synapse_core.executors.console import ConsoleSink
from synapse_core.executors.local import LocalExecutor
from synapse_core.model.event import EventKind
from synapse_core.testing import MemorySink


class Size(BaseModel):
    width: int = 1


class Measure(BaseAction[Size]):
    result_model = Size

    def execute(self) -> dict[str, int]:
        return {"width": self.params.width}


@action
def talk(ctx: RuntimeContext) -> Path:
    ctx.logger.debug("not shown")
    ctx.logger.warning("watch %s", "out")
    ctx.log("began", {"size": 3})
    for number in range(1000):
        ctx.set_progress(number + 1, 1000, "copy")
    ctx.set_metrics({"loss": 0.5}, "train")
    ctx.log_message("Done.", "success")
    return ctx.work_dir


def test_the_result_is_what_the_action_returned_as_its_model() -> None:
    executor = LocalExecutor(sink=MemorySink())

    assert executor.execute(Measure, {"width": "2"}) == Size(width=2)
    assert executor.execute(Measure, Size(width=3)) == Size(width=3)
    assert executor.execute(Measure) == Size()


def test_errors_arrive_as_they_are() -> None:
    @action
    def fail() -> None:
        raise LookupError("why")

    with pytest.raises(LookupError, match="why"):
        LocalExecutor(sink=MemorySink()).execute(fail)
    with pytest.raises(ParamsError):
        LocalExecutor(sink=MemorySink()).execute(Measure, {"hight": 1})
    with pytest.raises(ActionDefinitionError, match="The class Size is no action"):
        LocalExecutor(sink=MemorySink()).execute(Size)


def test_a_person_sees_lines_on_stderr_and_a_program_its_own_stdout(
    capsys: pytest.CaptureFixture[str],
) -> None:
    LocalExecutor().execute(talk)

    shown = capsys.readouterr()
    assert shown.out == ""
    lines = shown.err.splitlines()
    assert lines[:2] == ["warning: watch out", "info: began {'size': 3}"]
    assert lines[-3:] == [
        "copy: 1000/1000 (100.0 %)",
        "train: {'loss': 0.5}",
        "success: Done.",
    ]
    assert 6 <= len(lines) <= 12
    assert "not shown" not in shown.err


def test_a_saved_file_is_shown_and_lies_in_the_folder(tmp_path: Path) -> None:
    @action
    def save(ctx: RuntimeContext) -> None:
        ctx.save_artifact(b"abc", "a/b.bin")

    stream = io.StringIO()
    LocalExecutor(sink=ConsoleSink(stream), folder=tmp_path / "run").execute(save)

    assert stream.getvalue() == "saved: a/b.bin (3 bytes)\n"
    assert (tmp_path / "run" / "artifacts" / "a" / "b.bin").read_bytes() == b"abc"


def test_nothing_is_made_on_disk_for_an_action_that_keeps_nothing() -> None:
    executor = LocalExecutor(sink=MemorySink())

    executor.execute(Measure)

    assert not executor.folder.exists()


def test_ids_and_folders_are_made_up_where_none_are_given() -> None:
    one, two = LocalExecutor(), LocalExecutor()

    assert one.job_id != two.job_id
    assert one.folder != two.folder
    assert LocalExecutor(job_id="mine").job_id == "mine"


def test_another_thread_can_stop_an_action() -> None:
    started = threading.Event()
    errors: list[BaseException] = []

    @action
    def wait(ctx: RuntimeContext) -> None:
        started.set()
        ctx.sleep(60)  # the action sleeps

    executor = LocalExecutor(sink=MemorySink())

    def run() -> None:
        try:
            executor.execute(wait)
        except RunCancelledError as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert started.wait(10)
    executor.cancel()
    thread.join(10)

    assert len(errors) == 1


def test_a_console_numbers_events_of_many_threads() -> None:
    sink = ConsoleSink(io.StringIO())
    threads = [
        threading.Thread(
            target=lambda: [sink.emit(EventKind.LOG, {"level": "info"}) for _ in range(200)]
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sink.emit(EventKind.STATUS, {}) == 801

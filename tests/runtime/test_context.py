# ruff: noqa: ANN401 - values of wrong types are what these tests are about

import json
import logging
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from synapse_core.context import PluginEnvironment, RuntimeContext
from synapse_core.errors import InvalidInputError, JournalError, PathRefusedError, RunCancelledError
from synapse_core.model.event import EventKind, LogLevel
from synapse_core.model.run import ArtifactInfo
from synapse_core.runtime.cancellation import CancelToken
from tests.runtime.memory_sink import MemorySink


class Rig:
    """A context, and what it is made of."""

    def __init__(self, folder: Path, sink: MemorySink | None = None) -> None:
        self.sink = sink or MemorySink()
        self.cancel = CancelToken()
        self.folder = folder
        self.context = RuntimeContext(
            self.sink,
            env=PluginEnvironment({"API_KEY": "k"}),
            job_id="20300102-030405-abcdefgh",
            folder=folder,
            cancel=self.cancel,
            checkpoints={"earlier": {"epoch": 3}},
        )


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path / "run")


def test_all_that_an_action_may_touch_is_there(rig: Rig) -> None:
    context = rig.context

    assert context.job_id == "20300102-030405-abcdefgh"
    assert context.env.get("API_KEY") == "k"
    assert context.client is None


def test_a_structured_event_keeps_its_facts(rig: Rig) -> None:
    rig.context.log("epoch_done", {"epoch": 3, "path": Path("/x")}, "out.csv", level="warning")
    rig.context.log("bare")

    assert rig.sink.pairs == [
        (
            EventKind.LOG,
            {
                "level": LogLevel.WARNING,
                "message": "epoch_done",
                "source": "action",
                "event": "epoch_done",
                "fields": {"epoch": 3, "path": "/x"},
                "file": "out.csv",
            },
        ),
        (
            EventKind.LOG,
            {"level": "info", "message": "bare", "source": "action", "event": "bare"},
        ),
    ]


@pytest.mark.parametrize("data", [object(), {1, 2}, {"a": object}, [1], 0, {"x": float("nan")}])
def test_no_data_makes_a_log_call_fail(rig: Rig, data: Any) -> None:
    rig.context.log("event", data)
    rig.context.log_dev_event("event", data)
    rig.context.log(data, data, data)

    for _, event in rig.sink.pairs:
        json.dumps(event, allow_nan=False)
        assert "fields" in event


def test_a_detail_for_the_developer_is_a_line_of_level_debug(rig: Rig) -> None:
    rig.context.log_dev_event("checkpoint_saved", {"path": "/model.pt"})

    (event,) = rig.sink.of(EventKind.LOG)
    assert (event["level"], event["source"]) == ("debug", "developer")
    assert event["fields"] == {"path": "/model.pt"}


def test_a_message_is_for_the_person_who_started_the_run(rig: Rig) -> None:
    rig.context.log_message("Training complete!")
    rig.context.log_message("Careful.", context="danger")

    assert rig.sink.of(EventKind.MESSAGE) == [
        {"level": "info", "message": "Training complete!"},
        {"level": "danger", "message": "Careful."},
    ]


def test_unknown_words_are_answered_with_the_known_ones(rig: Rig) -> None:
    wrong: Any = "warn"
    with pytest.raises(InvalidInputError, match="Did you mean 'warning'") as message:
        rig.context.log_message("x", wrong)
    with pytest.raises(InvalidInputError, match="Did you mean 'warning'") as level:
        rig.context.log("x", level=wrong)

    assert "info, success, warning, danger" in message.value.hint
    assert "debug, info, success, warning, error, critical" in level.value.hint


def test_progress_and_metrics_name_their_category(rig: Rig) -> None:
    rig.context.set_progress(current=50, total=100, category="training")
    rig.context.set_progress(1, 2)
    rig.context.set_metrics({"loss": 0.05}, category="train")
    rig.context.set_metrics({"loss": 0.05})

    assert [data["category"] for data in rig.sink.of(EventKind.PROGRESS)] == ["training", "main"]
    assert rig.sink.of(EventKind.METRICS) == [
        {"category": "train", "values": {"loss": 0.05}},
        {"category": "main", "values": {"loss": 0.05}},
    ]


def test_progress_held_back_is_told_before_whatever_comes_next(rig: Rig) -> None:
    rig.context.set_progress(1, 10**6)
    rig.context.set_progress(2, 10**6)
    rig.context.log("next")

    assert [kind for kind, _ in rig.sink.pairs] == ["progress", "progress", "log"]
    assert rig.sink.of(EventKind.PROGRESS)[-1]["current"] == 2


def test_progress_held_back_is_told_at_the_end(rig: Rig) -> None:
    with rig.context as context:
        for turn in range(1000):
            context.set_progress(turn, 10**9)

    assert rig.sink.of(EventKind.PROGRESS)[-1]["current"] == 999
    assert len(rig.sink.pairs) < 20
    rig.context.close()


def test_threads_do_not_disorder_progress(rig: Rig) -> None:
    turn = iter(range(1, 4001))
    lock = threading.Lock()

    def work() -> None:
        for _ in range(1000):
            with lock:
                rig.context.set_progress(next(turn), 4000)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    rig.context.close()

    told = [float(str(data["current"])) for data in rig.sink.of(EventKind.PROGRESS)]
    assert told == sorted(told)
    assert told[-1] == 4000


def test_a_cancelled_run_leaves_where_it_asks(rig: Rig) -> None:
    rig.context.check_cancelled()
    assert not rig.context.cancelled

    rig.cancel.set()

    assert rig.context.cancelled
    with pytest.raises(RunCancelledError):
        rig.context.check_cancelled()
    with pytest.raises(RunCancelledError):
        rig.context.sleep(3600)  # the action sleeps, or would


def test_sleep_is_over_in_time(rig: Rig) -> None:
    rig.context.sleep(0.001)  # the action sleeps


def test_the_working_directory_is_made_on_first_use(rig: Rig) -> None:
    assert not rig.folder.exists()
    assert rig.context.work_dir == rig.folder / "work"
    assert rig.context.work_dir.is_dir()


def test_an_artifact_is_put_in_place_and_told(rig: Rig) -> None:
    info = rig.context.save_artifact(b"x", "a/b.txt")

    assert isinstance(info, ArtifactInfo)
    assert rig.sink.of(EventKind.ARTIFACT) == [
        {
            "name": "a/b.txt",
            "path": "artifacts/a/b.txt",
            "size_bytes": 1,
            "sha256": info.sha256,
            "media_type": "text/plain",
        }
    ]
    assert (rig.folder / info.path).read_bytes() == b"x"


def test_a_refused_artifact_is_not_told(rig: Rig) -> None:
    with pytest.raises(PathRefusedError):
        rig.context.save_artifact(b"x", "../b.txt")

    assert rig.sink.pairs == []


def test_the_last_told_artifact_of_a_name_is_the_file_that_lies_there(rig: Rig) -> None:
    def save(byte: int) -> None:
        for size in range(20):
            rig.context.save_artifact(bytes([byte]) * size, "x.bin")

    savers = [threading.Thread(target=save, args=(byte,)) for byte in range(4)]
    for saver in savers:
        saver.start()
    for saver in savers:
        saver.join()

    last = rig.sink.of(EventKind.ARTIFACT)[-1]
    content = (rig.folder / "artifacts" / "x.bin").read_bytes()
    again = Rig(rig.folder.parent / "again").context.save_artifact(content, "x.bin")
    assert last["sha256"] == again.sha256


def test_checkpoints_are_those_of_earlier_attempts_and_of_this_one(rig: Rig) -> None:
    assert rig.context.load_checkpoint("earlier") == {"epoch": 3}
    assert rig.context.load_checkpoint("train") is None

    rig.context.save_checkpoint("train", {"epoch": 1})
    rig.context.save_checkpoint("train", {"epoch": 2})

    assert rig.context.load_checkpoint("train") == {"epoch": 2}
    assert rig.sink.of(EventKind.CHECKPOINT)[-1] == {"name": "train", "state": {"epoch": 2}}


def test_a_loaded_checkpoint_can_be_changed_without_harm(rig: Rig) -> None:
    rig.context.save_checkpoint("train", {"done": []})
    state = rig.context.load_checkpoint("train")
    assert state is not None

    state["done"] = "all"

    assert rig.context.load_checkpoint("train") == {"done": []}


def test_a_checkpoint_that_was_not_recorded_does_not_count(tmp_path: Path) -> None:
    def fail() -> None:
        raise JournalError("The disk is full.")

    context = Rig(tmp_path, MemorySink(on_emit=fail)).context

    with pytest.raises(JournalError):
        context.save_checkpoint("train", {"epoch": 1})
    assert context.load_checkpoint("train") is None


def test_a_journal_that_cannot_be_written_fails_the_call(tmp_path: Path) -> None:
    def fail() -> None:
        raise JournalError("The disk is full.")

    context = Rig(tmp_path, MemorySink(on_emit=fail)).context

    for call in (
        lambda: context.log("x"),
        lambda: context.logger.info("x"),
        lambda: context.log_message("x"),
        lambda: context.set_progress(1, 1),
        lambda: context.set_metrics({"a": 1}),
        lambda: context.save_artifact(b"x", "x"),
    ):
        with pytest.raises(JournalError):
            call()


def test_the_logger_takes_what_loggers_take(rig: Rig) -> None:
    logger = rig.context.logger
    logger.debug("d")
    logger.info("x %s", 1)
    logger.info("%(a)s", {"a": 2})
    logger.warning("w", extra={"path": Path("/x")})
    logger.error("e")
    logger.critical("c")
    logger.log(25, "between")

    told = [(data["level"], data["message"]) for data in rig.sink.of(EventKind.LOG)]
    assert told == [
        ("debug", "d"),
        ("info", "x 1"),
        ("info", "2"),
        ("warning", "w"),
        ("error", "e"),
        ("critical", "c"),
        ("info", "between"),
    ]
    assert rig.sink.pairs[3][1]["fields"] == {"path": "/x"}
    assert {str(data["source"]) for _, data in rig.sink.pairs} == {"action"}


def test_a_logged_exception_keeps_its_traceback(rig: Rig) -> None:
    try:
        int("no such luck")
    except ValueError:
        rig.context.logger.exception("failed in %s", "epoch 3")

    (data,) = rig.sink.of(EventKind.LOG)
    text = str(data["message"])
    assert data["level"] == "error"
    assert text.startswith("failed in epoch 3\nTraceback (most recent call last):\n")
    assert text.endswith("'no such luck'")


class Evil:
    def __str__(self) -> str:
        raise RuntimeError("str")

    __repr__ = __str__


@pytest.mark.parametrize(
    ("message", "args"),
    [("%d", ("x",)), ("%s %s", (1,)), ("x", (1,)), ("%s", (Evil(),)), (Evil(), ())],
)
def test_a_line_that_cannot_be_formatted_is_still_a_line(
    rig: Rig, message: Any, args: tuple[object, ...]
) -> None:
    rig.context.logger.info(message, *args)

    (data,) = rig.sink.of(EventKind.LOG)
    assert "not formatted" in str(data["message"])


def test_the_logger_is_nobody_elses(rig: Rig) -> None:
    names = set(logging.root.manager.loggerDict)
    level = logging.root.level
    try:
        logging.root.setLevel(logging.CRITICAL)
        rig.context.logger.info("heard")
    finally:
        logging.root.setLevel(level)

    assert rig.sink.messages() == ["heard"]
    assert set(logging.root.manager.loggerDict) == names
    assert rig.context.logger.parent is None


def test_the_logger_obeys_its_own_level_and_filters(rig: Rig) -> None:
    logger = rig.context.logger
    logger.info("one")
    logger.setLevel(logging.WARNING)
    logger.info("two")
    assert not logger.isEnabledFor(logging.INFO)
    logger.addFilter(lambda record: "secret" not in record.getMessage())
    logger.error("three")
    logger.error("secret")

    assert rig.sink.messages() == ["one", "three"]


def test_handlers_added_to_the_logger_are_served_too(rig: Rig, tmp_path: Path) -> None:
    file = logging.FileHandler(tmp_path / "own.log")
    file.setLevel(logging.ERROR)
    rig.context.logger.addHandler(file)

    rig.context.logger.info("one")
    rig.context.logger.error("two")
    file.close()

    assert (tmp_path / "own.log").read_text() == "two\n"
    assert rig.sink.messages() == ["one", "two"]


def test_a_fork_reports_on_though_a_thread_of_its_parent_was_reporting(tmp_path: Path) -> None:
    """The thread holds the lock while the process forks; the fork must not wait for it."""
    script = f"""
import os, sys, threading, warnings
from pathlib import Path
from synapse_core.context import PluginEnvironment, RuntimeContext
from synapse_core.runtime.cancellation import CancelToken

warnings.simplefilter("ignore")
inside, leave = threading.Event(), threading.Event()

class Sink:
    def emit(self, kind, data):
        if threading.current_thread() is not threading.main_thread():
            inside.set()
            leave.wait()
        return 1

context = RuntimeContext(
    Sink(),
    env=PluginEnvironment(),
    job_id="x",
    folder=Path({str(tmp_path)!r}),
    cancel=CancelToken(),
)
thread = threading.Thread(target=context.set_progress, args=(1, 10**6))
thread.start()
inside.wait()
child = os.fork()
if child == 0:
    context.set_progress(1, 2)
    os._exit(7)
_, status = os.waitpid(child, 0)
leave.set()
thread.join()
print(os.waitstatus_to_exitcode(status))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True
    )

    assert done.stdout == "7\n"


def test_the_context_is_light_to_import() -> None:
    script = (
        "import sys, synapse_core.runtime.context, synapse_core.runtime.streams,"
        " synapse_core.runtime.logging_bridge;"
        "print([m for m in ('pydantic', 'tomllib', 'mimetypes', 'asyncio') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True
    )

    assert done.stdout == "[]\n"

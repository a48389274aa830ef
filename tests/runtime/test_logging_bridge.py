# ruff: noqa: LOG015 - user code calls the root logger, and is to be heard

import io
import logging
import logging.config
import sys
import threading
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from synapse_core.model.event import EventKind
from synapse_core.runtime.logging_bridge import bridge_logging
from synapse_core.runtime.reentry import recording
from synapse_core.runtime.streams import capture_streams
from tests.runtime.memory_sink import MemorySink


@pytest.fixture
def sink() -> MemorySink:
    return MemorySink()


@contextmanager
def fresh_root() -> Generator[None]:
    """Take away what pytest adds to the root logger, as a process of its own would have it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()
    root.setLevel(logging.WARNING)
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


@contextmanager
def bridged(sink: MemorySink) -> Generator[None]:
    with fresh_root(), bridge_logging(sink):
        yield


@contextmanager
def run(sink: MemorySink) -> Generator[None]:
    with fresh_root(), capture_streams(sink), bridge_logging(sink):
        yield


def told(sink: MemorySink) -> list[tuple[object, object, object]]:
    return [(data["source"], data["level"], data["message"]) for data in sink.of(EventKind.LOG)]


def test_records_of_all_loggers_become_events(sink: MemorySink) -> None:
    with bridged(sink):
        logging.info("plain")
        logging.getLogger("some.library").warning("%s of %d", "one", 2)
        logging.getLogger("some.library").debug("too light")

    assert sink.of(EventKind.LOG) == [
        {"level": "info", "message": "plain", "source": "logging", "logger": "root"},
        {
            "level": "warning",
            "message": "one of 2",
            "source": "logging",
            "logger": "some.library",
        },
    ]


def test_everything_is_put_back(sink: MemorySink) -> None:
    root = logging.getLogger()

    def state() -> list[object]:
        return [
            root.level,
            root.parent,
            root.handlers[:],
            vars(logging.StreamHandler)["emit"],
            warnings.showwarning,
        ]

    def fail() -> None:
        logging.basicConfig(level=logging.DEBUG, force=True)
        logging.getLogger().addHandler(logging.NullHandler())
        raise KeyError

    before = state()
    with pytest.raises(KeyError), run(sink):
        fail()
    logging.getLogger("x").debug("nobody listens")

    assert state() == before
    assert sink.pairs == []


def test_a_traceback_is_kept(sink: MemorySink) -> None:
    with bridged(sink):
        try:
            int("no such luck")
        except ValueError:
            logging.getLogger("lib").exception("failed")

    (data,) = sink.of(EventKind.LOG)
    assert data["level"] == "error"
    assert str(data["message"]).startswith("failed\nTraceback (most recent call last):")
    assert str(data["message"]).endswith("'no such luck'")


def test_extra_fields_are_kept(sink: MemorySink) -> None:
    with bridged(sink):
        logging.getLogger("lib").warning("w", extra={"path": Path("/x")})

    assert sink.of(EventKind.LOG)[0]["fields"] == {"path": "/x"}


def test_a_line_that_cannot_be_formatted_does_not_stop_the_run(sink: MemorySink) -> None:
    with run(sink):
        logging.error("%d", "x")
        logging.error("%s %s", 1)  # noqa: PLE1206 - a mistake of user code

    assert [level for _, level, _ in told(sink)] == ["error", "error"]
    assert all("not formatted" in str(message) for _, _, message in told(sink))


def test_basic_config_doubles_nothing_and_its_level_counts(sink: MemorySink) -> None:
    with run(sink):
        logging.basicConfig(level=logging.DEBUG, format="%(asctime)s %(message)s")
        logging.debug("fine")
        logging.getLogger("lib").error("coarse")

    assert told(sink) == [("logging", "debug", "fine"), ("logging", "error", "coarse")]


def test_a_forced_basic_config_does_not_get_rid_of_the_bridge(sink: MemorySink) -> None:
    with run(sink):
        logging.basicConfig(level=logging.INFO, force=True, stream=sys.stdout)
        logging.info("heard")
        logging.config.dictConfig(
            {
                "version": 1,
                "disable_existing_loggers": False,
                "root": {"level": "WARNING", "handlers": []},
            }
        )
        logging.warning("still heard")

    assert told(sink) == [("logging", "info", "heard"), ("logging", "warning", "still heard")]


def test_a_library_with_a_console_handler_of_its_own_is_heard_once(sink: MemorySink) -> None:
    with run(sink):
        alone, both = logging.getLogger("test.alone"), logging.getLogger("test.both")
        for logger in (alone, both):
            logger.addHandler(logging.StreamHandler())
            logger.addHandler(logging.StreamHandler(sys.stdout))
        alone.propagate = False
        alone.warning("one")
        both.warning("two")
        for logger in (alone, both):
            logger.handlers.clear()
        alone.propagate = True

    assert told(sink) == [("logging", "warning", "one"), ("logging", "warning", "two")]


def test_log_files_and_other_streams_are_written(sink: MemorySink, tmp_path: Path) -> None:
    text = io.StringIO()
    with run(sink):
        logging.basicConfig(filename=tmp_path / "own.log", format="%(message)s", level=logging.INFO)
        logging.getLogger().addHandler(logging.StreamHandler(text))
        logging.info("everywhere")
        for handler in logging.getLogger().handlers:
            handler.close()

    assert (tmp_path / "own.log").read_text() == "everywhere\n"
    assert text.getvalue() == "everywhere\n"
    assert told(sink) == [("logging", "info", "everywhere")]


def test_records_of_other_threads_are_heard(sink: MemorySink) -> None:
    def work(number: int) -> None:
        for turn in range(100):
            logging.getLogger(f"t{number}").info("%d %d", number, turn)

    with bridged(sink):
        workers = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    assert sorted(map(str, sink.messages())) == sorted(
        f"{number} {turn}" for number in range(4) for turn in range(100)
    )


def test_what_looks_after_the_run_is_not_heard_in_its_log(sink: MemorySink) -> None:
    def look_after() -> None:
        recording.is_aside = True
        logging.getLogger("client").warning("missed a heartbeat")

    with bridged(sink):
        thread = threading.Thread(target=look_after)
        thread.start()
        thread.join()
        logging.getLogger("library").info("heard")

    assert sink.messages() == ["heard"]


def test_warnings_become_events_with_their_place(sink: MemorySink) -> None:
    with warnings.catch_warnings(), bridged(sink):
        warnings.simplefilter("always")
        warnings.warn("careful", stacklevel=1)
        warnings.warn(DeprecationWarning("old"), stacklevel=1)

    first, second = sink.of(EventKind.LOG)
    assert (first["level"], first["source"]) == ("warning", "warnings")
    assert first["message"] == "UserWarning: careful"
    assert str(first["file"]) == __file__
    assert isinstance(first["line"], int)
    assert second["message"] == "DeprecationWarning: old"


def test_warnings_that_are_ignored_stay_so(sink: MemorySink) -> None:
    with warnings.catch_warnings(), bridged(sink):
        warnings.simplefilter("ignore")
        warnings.warn("careful", stacklevel=1)

    assert sink.pairs == []


def test_a_warning_meant_for_a_file_goes_there(sink: MemorySink) -> None:
    shown: list[object] = []

    def show(message: object, *_rest: object) -> None:
        shown.append(message)

    with warnings.catch_warnings():
        warnings.showwarning = show
        with bridged(sink):
            kept = warnings.showwarning
            kept("to a file", UserWarning, "x.py", 1, io.StringIO())
        kept("late", UserWarning, "x.py", 1)

    assert shown == ["to a file", "late"]
    assert sink.pairs == []


def test_warnings_routed_to_logging_are_heard_once(sink: MemorySink) -> None:
    with warnings.catch_warnings(), bridged(sink):
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("careful", stacklevel=1)
        logging.captureWarnings(capture=False)

    (data,) = sink.of(EventKind.LOG)
    assert data["logger"] == "py.warnings"


def test_a_sink_that_logs_is_not_called_without_end() -> None:
    sink = MemorySink(on_emit=lambda: logging.getLogger("sink").error("recording"))

    with bridged(sink):
        logging.error("hello")

    assert sink.messages() == ["hello"]


def test_a_sink_that_fails_is_not_hidden() -> None:
    def fail() -> None:
        raise OSError("full")

    with bridged(MemorySink(on_emit=fail)), pytest.raises(OSError, match="full"):
        logging.error("hello")


def test_the_innermost_bridge_takes_all(sink: MemorySink) -> None:
    inner = MemorySink()
    with bridged(sink):
        logging.info("before")
        with bridged(inner):
            logging.info("inside")
        logging.info("after")

    assert sink.messages() == ["before", "after"]
    assert inner.messages() == ["inside"]


def test_the_level_of_the_root_is_lowered_not_raised(sink: MemorySink) -> None:
    with fresh_root():
        logging.getLogger().setLevel(logging.DEBUG)
        with bridge_logging(sink):
            logging.debug("heard")

    assert sink.messages() == ["heard"]


@pytest.mark.parametrize(
    ("name", "number", "level"),
    [
        ("SUCCESS", 25, "success"),
        ("NOTICE", 25, "info"),
        ("TRACE", 5, "debug"),
        ("ALERT", 60, "critical"),
    ],
)
def test_levels_of_their_own_find_a_place(
    sink: MemorySink, name: str, number: int, level: str
) -> None:
    record: Any = logging.makeLogRecord({"levelname": name, "levelno": number, "msg": "x"})
    with bridged(sink):
        logging.getLogger("lib").handle(record)

    assert told(sink) == [("logging", level, "x")]

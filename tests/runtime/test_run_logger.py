import io
import logging

import pytest

from synapse_core.runtime.records import RunLogger
from tests.runtime.memory_sink import MemorySink


def messages(sink: MemorySink) -> list[object]:
    return [event.data["message"] for event in sink.events]


@pytest.mark.parametrize(
    ("template", "values", "text"),
    [
        ("plain", (), "plain"),
        ("%d of %d", (1, 2), "1 of 2"),
        ("%s", (dict[str, int](),), "{}"),
        ("%(done)d of 2", ({"done": 1},), "1 of 2"),
        ("%d", ("x",), "[not formatted: TypeError"),
        ("100%", (), "100%"),
    ],
)
def test_a_line_is_formatted_as_logging_does(
    template: str, values: tuple[object, ...], text: str
) -> None:
    sink = MemorySink()
    RunLogger(sink).info(template, *values)

    assert text in str(messages(sink)[0])


def test_a_traceback_and_a_stack_are_told() -> None:
    sink = MemorySink()
    logger = RunLogger(sink)
    try:
        int("gone")
    except ValueError:
        logger.exception("it failed")
    logger.info("from here", stack_info=True)

    failed, here = map(str, messages(sink))
    assert failed.startswith("it failed\nTraceback")
    assert failed.endswith("'gone'")
    assert "test_a_traceback_and_a_stack_are_told" in here


def test_a_handler_of_its_own_learns_where_a_line_comes_from() -> None:
    logger = RunLogger(MemorySink())
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(
        logging.Formatter("%(filename)s %(funcName)s %(threadName)s %(process)d %(message)s")
    )
    logger.addHandler(handler)
    logger.info("said")

    file, function, thread, process, message = text.getvalue().split()
    assert file == "test_run_logger.py"
    assert function == "test_a_handler_of_its_own_learns_where_a_line_comes_from"
    assert thread
    assert int(process) > 0
    assert message == "said"


def test_a_filter_sees_the_whole_record() -> None:
    sink = MemorySink()
    logger = RunLogger(sink)
    logger.addFilter(lambda record: record.lineno > 0 and "secret" not in record.getMessage())
    logger.info("kept")
    logger.info("secret")

    assert messages(sink) == ["kept"]


def test_records_of_somebodys_own_kind_are_used() -> None:
    class Braces(logging.LogRecord):
        def getMessage(self) -> str:  # noqa: N802 - the name is the base class's
            return str(self.msg).format(*self.args or ())

    sink = MemorySink()
    previous = logging.getLogRecordFactory()
    logging.setLogRecordFactory(Braces)
    try:
        RunLogger(sink).info("{} of {}", 1, 2)
    finally:
        logging.setLogRecordFactory(previous)

    assert messages(sink) == ["1 of 2"]


def test_what_comes_with_a_line_is_told() -> None:
    sink = MemorySink()
    logger = RunLogger(sink)
    logger.info("with", extra={"epoch": 3})

    assert sink.events[0].data["fields"] == {"epoch": 3}

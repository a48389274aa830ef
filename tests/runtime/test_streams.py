# ruff: noqa: T201 - printing is what these tests are about

import io
import os
import subprocess
import sys
import threading
import tracemalloc

import pytest

from synapse_core.model.event import EventKind, LogSource
from synapse_core.runtime.line_assembly import LONGEST_PIECE
from synapse_core.runtime.streams import CapturedStream, capture_streams
from tests.runtime.memory_sink import MemorySink


@pytest.fixture
def sink() -> MemorySink:
    return MemorySink()


def test_prints_become_events_in_the_order_of_all_others(sink: MemorySink) -> None:
    with capture_streams(sink):
        print("one", 1)
        print("two", file=sys.stderr)
        sink.emit(EventKind.MESSAGE, {"level": "info", "message": "between"})
        print("three\nfour")

    assert [(kind, data["message"], data.get("source")) for kind, data in sink.pairs] == [
        (EventKind.LOG, "one 1", "stdout"),
        (EventKind.LOG, "two", "stderr"),
        (EventKind.MESSAGE, "between", None),
        (EventKind.LOG, "three", "stdout"),
        (EventKind.LOG, "four", "stdout"),
    ]
    assert sink.pairs[0][1] == {"level": "info", "message": "one 1", "source": "stdout"}


def test_the_streams_are_put_back_whatever_happens(sink: MemorySink) -> None:
    before = sys.stdout, sys.stderr

    def fail() -> None:
        sys.stdout = io.StringIO()
        raise KeyError

    with pytest.raises(KeyError), capture_streams(sink):
        fail()

    assert (sys.stdout, sys.stderr) == before


def test_a_line_that_nobody_ended_is_recorded_at_the_end(sink: MemorySink) -> None:
    with capture_streams(sink):
        print("half", end="")
        assert sink.pairs == []

    assert sink.messages() == ["half"]


def test_a_flushed_line_is_recorded_at_once_and_goes_on(sink: MemorySink) -> None:
    with capture_streams(sink):
        print("Loading… ", end="", flush=True)
        assert sink.of(EventKind.LOG)[-1]["more"] is True
        print("done")

    assert sink.messages() == ["Loading… ", "done"]
    assert "more" not in sink.pairs[-1][1]


def test_a_line_of_ten_megabytes_needs_little_memory() -> None:
    longest = 0
    count = 0

    class Counting:
        def emit(self, _kind: EventKind, data: dict[str, object]) -> int:
            nonlocal longest, count
            longest = max(longest, len(str(data["message"])))
            count += len(str(data["message"]))
            return 1

    text = "x" * 10_000_000
    with capture_streams(Counting()):  # pyright: ignore[reportArgumentType] - a narrower dict
        tracemalloc.start()
        sys.stdout.write(text)
        sys.stdout.write("\n")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert (longest, count) == (LONGEST_PIECE, 10_000_000)
    assert peak < 6_000_000


def test_a_progress_bar_leaves_few_lines(sink: MemorySink) -> None:
    with capture_streams(sink):
        for turn in range(10_000):
            print(f"\r{turn}", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)

    assert sink.messages()[0] == "0"
    assert sink.messages()[-1] == "9999"
    assert len(sink.pairs) < 50


def test_threads_that_print_at_once_keep_their_lines_apart(sink: MemorySink) -> None:
    def work(name: str) -> None:
        for turn in range(500):
            print(name, turn, "words", "of one line")

    with capture_streams(sink):
        workers = [threading.Thread(target=work, args=(f"t{number}",)) for number in range(8)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    expected = {f"t{number} {turn} words of one line" for number in range(8) for turn in range(500)}
    assert len(sink.pairs) == 4000
    assert set(sink.messages()) == expected


def test_many_threads_that_come_and_go_are_forgotten(sink: MemorySink) -> None:
    stream = CapturedStream(sink, LogSource.STDOUT, 1, None)
    for number in range(300):
        threads = [threading.Thread(target=stream.write, args=(f"{number}\n",)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(sink.pairs) == 600
    assert len(vars(stream)["_writers"]) <= 65


def test_bytes_can_be_written_however_they_are_cut(sink: MemorySink) -> None:
    with capture_streams(sink):
        for byte in "é日🎉\n".encode():
            sys.stdout.buffer.write(bytes([byte]))
        sys.stdout.buffer.write(b"bad \xff\n")
        assert sys.stdout.buffer.write(memoryview(b"abc\n")) == 4
        sys.stdout.buffer.write(b"\xf0\x9f")
        sys.stdout.buffer.flush()

    assert sink.messages() == ["é日🎉", "bad \\xff", "abc", "\\xf0\\x9f"]


def test_a_surrogate_is_written_as_its_escape(sink: MemorySink) -> None:
    with capture_streams(sink):
        print("name \udcff")

    assert sink.messages() == ["name \\udcff"]


def test_it_answers_as_a_text_stream_does(sink: MemorySink) -> None:
    with capture_streams(sink):
        out, err = sys.stdout, sys.stderr
        assert isinstance(out, CapturedStream)
        assert isinstance(err, CapturedStream)
        assert isinstance(out, io.TextIOBase)
        assert (out.fileno(), err.fileno()) == (1, 2)
        assert (out.encoding, out.errors, out.name) == ("utf-8", "backslashreplace", "<stdout>")
        assert out.writable()
        assert not out.readable()
        assert not out.isatty()
        assert not out.closed
        assert out.write("abc\n") == 4
        out.writelines(["d\n", "e\n"])
        out.reconfigure(encoding="latin-1", line_buffering=True)
        with pytest.raises(TypeError, match="must be str, not bytes"):
            out.write(b"x")  # type: ignore[arg-type]  # what the test is about
        with pytest.raises(io.UnsupportedOperation):
            out.read()

    assert sink.messages() == ["abc", "d", "e"]


def test_closing_a_stream_does_not_end_it(sink: MemorySink) -> None:
    with capture_streams(sink):
        print("before", end="")
        sys.stdout.close()
        sys.stdout.buffer.close()
        print("after")

    assert sink.messages() == ["before", "after"]


def test_what_is_printed_after_the_end_goes_where_it_would_have_gone(
    sink: MemorySink, capsys: pytest.CaptureFixture[str]
) -> None:
    with capture_streams(sink):
        kept = sys.stdout
    print("late", file=kept)
    kept.flush()
    kept.close()

    assert sink.pairs == []
    assert capsys.readouterr().out == "late\n"


def test_after_the_end_a_closed_or_missing_stream_does_no_harm(sink: MemorySink) -> None:
    closed = io.StringIO()
    closed.close()
    for fallback in (closed, None):
        stream = CapturedStream(sink, LogSource.STDOUT, 1, fallback)
        stream.end()
        print("late", file=stream)

    assert sink.pairs == []


def test_a_sink_that_prints_is_not_called_without_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sink = MemorySink(on_emit=lambda: print("recording"))

    with capture_streams(sink):
        print("hello")

    assert sink.messages() == ["hello"]
    assert capsys.readouterr().out == "recording\n"


def test_a_sink_that_fails_fails_the_print_and_only_this_one() -> None:
    failures = iter([OSError("full")])

    def fail_once() -> None:
        for failure in failures:
            raise failure

    sink = MemorySink(on_emit=fail_once)
    with capture_streams(sink):
        with pytest.raises(OSError, match="full"):
            print("one")
        print("two")

    assert "two" in str(sink.messages()[-1])


def test_the_descriptors_are_left_alone(capfd: pytest.CaptureFixture[str]) -> None:
    sink = MemorySink()
    with capture_streams(sink):
        os.write(1, b"raw\n")
        subprocess.run(["echo", "child"], stdout=sys.stdout, check=True)

    assert sink.pairs == []
    assert capfd.readouterr().out == "raw\nchild\n"


def test_a_fork_does_not_repeat_the_half_line_of_its_parent() -> None:
    script = """
import os, sys
from synapse_core.runtime.streams import capture_streams

class Sink:
    def emit(self, kind, data):
        os.write(3, f"{os.getpid() == parent} {data['message']}\\n".encode())
        return 1

parent = os.getpid()
with capture_streams(Sink()):
    print("half", end="")
    child = os.fork()
    if child == 0:
        print("from the fork")
        sys.stdout.flush()
        os._exit(0)
    os.waitpid(child, 0)
"""
    read, write = os.pipe()
    launcher = f"import os; os.dup2({write}, 3)\n{script}"
    subprocess.run([sys.executable, "-c", launcher], pass_fds=[write], check=True, timeout=30)
    os.close(write)
    with open(read, encoding="utf-8") as told:  # noqa: PTH123 - no path, but a descriptor
        assert told.read().splitlines() == ["False from the fork", "True half"]

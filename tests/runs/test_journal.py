import os
import signal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synapse_core.config.home import Home
from synapse_core.errors import JournalError, LeaseLostError
from synapse_core.logs.redact import Redactor
from synapse_core.model.event import Event, EventKind
from synapse_core.runs.journal import JournalWriter
from synapse_core.runs.reading import Journals
from synapse_core.types import JSONObject, JSONValue
from tests.runs.scripts import run_script, started_script

RUN = "20260101-000000-00000001"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = Home(tmp_path).journal(RUN)
    path.parent.mkdir(parents=True)
    return path


@pytest.fixture
def written(path: Path) -> Path:
    """A journal of three lines."""
    with JournalWriter.open(path) as writer:
        for number in range(3):
            writer.emit(EventKind.LOG, {"message": f"line {number}", "level": "info"})
    return path


def events(path: Path) -> tuple[Event, ...]:
    return Journals(Home(path.parents[3])).read(RUN, limit=1_000_000).items


def messages(path: Path) -> list[object]:
    return [event.data.get("message") for event in events(path)]


def test_a_journal_opened_again_goes_on_with_its_numbers(written: Path) -> None:
    with JournalWriter.open(written) as writer:
        assert writer.emit(EventKind.LOG, {"message": "later"}) == 4

    assert [event.seq for event in events(written)] == [1, 2, 3, 4]


def test_the_number_is_found_behind_a_huge_last_event(path: Path) -> None:
    with JournalWriter.open(path) as writer:
        writer.emit(EventKind.OUTPUT, {"result": "x" * 5_000_000})
    with JournalWriter.open(path) as writer:
        assert writer.emit(EventKind.STATUS, {"status": "succeeded"}) == 2


@settings(max_examples=60)
@given(cut=st.integers(min_value=1, max_value=105))
def test_a_half_written_last_line_is_cut_off(
    cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = Home(tmp_path_factory.mktemp("home")).journal(RUN)
    path.parent.mkdir(parents=True)
    with JournalWriter.open(path) as writer:
        for message in ("first", "second"):
            writer.emit(EventKind.LOG, {"message": message, "padding": "x" * 40})
    os.truncate(path, path.stat().st_size - cut)

    with JournalWriter.open(path) as writer:
        assert writer.emit(EventKind.LOG, {"message": "again"}) == 2
    assert messages(path) == ["first", "again"]


@pytest.mark.parametrize("rest", [b"\0" * 5000, b'{"seq":4,"time":1.0', b"{" * 200_000])
def test_a_rest_without_newline_is_cut_off(written: Path, rest: bytes) -> None:
    with written.open("ab") as file:
        file.write(rest)

    with JournalWriter.open(written) as writer:
        assert writer.emit(EventKind.LOG, {"message": "again"}) == 4
    assert len(events(written)) == 4


@pytest.mark.parametrize("line", [b"\n", b"{}\n", b"no event\n", b'{"seq":0,"time":1.000000,\n'])
def test_a_journal_that_ends_with_something_else_is_not_added_to(
    written: Path, line: bytes
) -> None:
    with written.open("ab") as file:
        file.write(line)
    before = written.read_bytes()

    with pytest.raises(JournalError) as caught:
        JournalWriter.open(written)
    assert caught.value.data["offset"] == len(before) - len(line)
    assert written.read_bytes() == before


@pytest.mark.parametrize("status", ["succeeded", "failed", "cancelled"])
def test_nothing_follows_the_end_of_a_run(written: Path, status: str) -> None:
    with JournalWriter.open(written) as writer:
        writer.emit(EventKind.STATUS, {"status": status, "attempt": 1})

    with pytest.raises(LeaseLostError, match="The end of the run is on record"):
        JournalWriter.open(written)


@pytest.mark.parametrize("status", ["pending", "running", None, ["succeeded"], "unheard of"])
def test_other_statuses_may_be_followed(written: Path, status: JSONValue) -> None:
    with JournalWriter.open(written) as writer:
        writer.emit(EventKind.STATUS, {"status": status, "attempt": 1})

    with JournalWriter.open(written) as writer:
        assert writer.emit(EventKind.LOG, {"message": "next"}) == 5


def test_a_journal_without_a_folder_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="could not be opened: No such file"):
        JournalWriter.open(tmp_path / "missing" / "journal.jsonl")


def test_nothing_is_written_after_the_end(path: Path) -> None:
    writer = JournalWriter.open(path)
    writer.close()
    writer.close()

    with pytest.raises(JournalError, match="closed already"):
        writer.emit(EventKind.LOG, {"message": "late"})
    assert events(path) == ()


def test_the_earlier_of_two_writers_is_refused(written: Path) -> None:
    with JournalWriter.open(written) as earlier, JournalWriter.open(written) as later:
        earlier.emit(EventKind.LOG, {"message": "earlier"})
        with pytest.raises(JournalError, match="Something else wrote"):
            later.emit(EventKind.LOG, {"message": "later"})

    assert messages(written)[3:] == ["earlier"]


def test_a_long_text_is_recorded_in_parts(path: Path) -> None:
    text = "".join(chr(ord("a") + number % 26) for number in range(200_000))
    with JournalWriter.open(path) as writer:
        assert writer.emit(EventKind.LOG, {"message": text, "fields": {"a": 1}, "offset": 9}) == 4
        assert writer.emit(EventKind.LOG, {"message": "next"}) == 5
    *parts, last, _ = events(path)

    assert "".join(str(event.data["message"]) for event in (*parts, last)) == text
    assert [event.data.get("more") for event in (*parts, last)] == [True, True, True, None]
    assert last.data["fields"] == {"a": 1}
    assert all("offset" not in event.data for event in parts)


def test_secrets_are_taken_out_wherever_they_stand(path: Path) -> None:
    class Client:
        def __repr__(self) -> str:
            return "Client(key='hunter2-hunter2')"

    data: JSONObject = {
        "message": "logged in with hunter2-hunter2",
        "fields": {"nested": [{"deep": "hunter2-hunter2!"}], "hunter2-hunter2": 1},
        "client": Client(),  # pyright: ignore[reportAssignmentType] - what user code hands over
    }
    with JournalWriter.open(path, redactor=Redactor(["hunter2-hunter2"])) as writer:
        writer.emit(EventKind.LOG, data)

    assert b"hunter2" not in path.read_bytes()
    assert messages(path) == ["logged in with [redacted]"]


def test_a_secret_that_is_a_word_of_ours_does_not_spoil_the_journal(path: Path) -> None:
    redactor = Redactor(["succeeded", "warning"])
    with JournalWriter.open(path, redactor=redactor) as writer:
        writer.emit(EventKind.STATUS, {"status": "succeeded", "reason": "succeeded, no warning"})
        writer.emit(EventKind.LOG, {"level": "warning", "message": "x"})

    status, log = (event.data for event in events(path))
    assert status == {"status": "succeeded", "reason": "[redacted], no [redacted]"}
    assert log["level"] == "warning"


def test_acknowledged_events_survive_a_kill_at_any_moment(path: Path) -> None:
    code = """
        import sys
        from pathlib import Path
        from synapse_core.model.event import EventKind
        from synapse_core.runs.journal import JournalWriter
        writer = JournalWriter.open(Path(sys.argv[1]))
        while True:
            print(writer.emit(EventKind.LOG, {"message": "x" * 500}), flush=True)
    """
    acknowledged = 0
    for _ in range(3):
        with started_script(code, path) as process:
            assert process.stdout is not None
            for _ in range(200):
                acknowledged = int(process.stdout.readline())
            process.send_signal(signal.SIGKILL)
            # What it still said before it died counts as acknowledged, a half line does not.
            said = process.stdout.read().rpartition("\n")[0].split()
            acknowledged = int(said[-1]) if said else acknowledged

    recorded = [event.seq for event in events(path)]
    assert recorded == list(range(1, len(recorded) + 1))
    assert acknowledged <= len(recorded) <= acknowledged + 1


def test_a_fork_takes_the_journal_over(path: Path) -> None:
    code = """
        import os, sys
        from pathlib import Path
        from synapse_core.model.event import EventKind
        from synapse_core.runs.journal import JournalWriter
        path = Path(sys.argv[1])
        writer = JournalWriter.open(path)
        writer.emit(EventKind.STATUS, {"status": "running"})
        child = os.fork()
        if child == 0:
            writer.emit(EventKind.LOG, {"message": "from the fork"})
            os._exit(0)
        writer.close()
        assert os.waitpid(child, 0)[1] == 0
        with JournalWriter.open(path) as writer:
            writer.emit(EventKind.STATUS, {"status": "succeeded"})
    """
    run_script(code, path)

    assert [event.seq for event in events(path)] == [1, 2, 3]
    assert messages(path)[1] == "from the fork"


def test_an_event_that_does_not_fit_leaves_no_trace(path: Path) -> None:
    """A limit on the size of files cuts a write short, as a full disk does."""
    code = """
        import resource, sys
        from pathlib import Path
        from synapse_core.errors import JournalError
        from synapse_core.model.event import EventKind
        from synapse_core.runs.journal import JournalWriter
        path = Path(sys.argv[1])
        writer = JournalWriter.open(path)
        writer.emit(EventKind.LOG, {"message": "first"})
        size = path.stat().st_size
        for room in (0, 1, 60):
            resource.setrlimit(resource.RLIMIT_FSIZE, (size + room, resource.RLIM_INFINITY))
            for text in ("too long " * 10, "very long " * 100_000):
                try:
                    writer.emit(EventKind.LOG, {"message": text})
                except JournalError as error:
                    assert "nothing of the event was kept" in error.hint, error
                else:
                    raise AssertionError("it cannot fit")
                assert path.stat().st_size == size
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        assert writer.emit(EventKind.LOG, {"message": "second"}) == 2
    """
    run_script(code, path)

    assert messages(path) == ["first", "second"]


def test_the_journal_goes_on_when_user_code_closes_every_descriptor(path: Path) -> None:
    code = """
        import os, sys
        from pathlib import Path
        from synapse_core.model.event import EventKind
        from synapse_core.runs.journal import JournalWriter
        writer = JournalWriter.open(Path(sys.argv[1]))
        writer.emit(EventKind.LOG, {"message": "before"})
        os.closerange(3, 4096)
        assert writer.emit(EventKind.LOG, {"message": "after"}) == 2
        writer.close()
    """
    run_script(code, path)

    assert messages(path) == ["before", "after"]


def test_a_signal_handler_may_record_events_while_another_is_being_written(path: Path) -> None:
    code = """
        import itertools, signal, sys, time
        from pathlib import Path
        from synapse_core.model.event import EventKind
        from synapse_core.runs.journal import JournalWriter
        writer = JournalWriter.open(Path(sys.argv[1]))
        numbers = itertools.count()
        given = {}
        def speak(*_):
            name = f"handler {next(numbers)}"
            given[name] = writer.emit(EventKind.LOG, {"message": name})
        signal.signal(signal.SIGALRM, speak)
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.0003)
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            name = f"main {next(numbers)}"
            given[name] = writer.emit(EventKind.LOG, {"message": name})
        signal.setitimer(signal.ITIMER_REAL, 0)
        writer.emit(EventKind.METRICS, {"values": given})
    """
    run_script(code, path)
    *logged, told = events(path)

    assert [event.seq for event in (*logged, told)] == list(range(1, len(logged) + 2))
    assert told.data["values"] == {str(event.data["message"]): event.seq for event in logged}


def test_an_exception_from_a_signal_handler_leaves_the_numbers_right(path: Path) -> None:
    code = """
        import signal, sys, time
        from pathlib import Path
        from synapse_core.model.event import EventKind
        from synapse_core.runs.journal import JournalWriter
        class Interrupted(Exception):
            pass
        def interrupt(*_):
            raise Interrupted
        writer = JournalWriter.open(Path(sys.argv[1]))
        given = {}
        signal.signal(signal.SIGALRM, interrupt)
        until = time.monotonic() + 0.5
        number = 0
        while time.monotonic() < until:
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.00005)
                while True:
                    number += 1
                    seq = writer.emit(EventKind.LOG, {"message": str(number)})
                    given[str(number)] = seq
            except Interrupted:
                pass
        signal.setitimer(signal.ITIMER_REAL, 0)
        writer.emit(EventKind.METRICS, {"values": given})
    """
    run_script(code, path)
    *logged, told = events(path)

    assert [event.seq for event in (*logged, told)] == list(range(1, len(logged) + 2))
    recorded = {str(event.data["message"]): event.seq for event in logged}
    assert isinstance(told.data["values"], dict)
    assert recorded.items() >= told.data["values"].items()

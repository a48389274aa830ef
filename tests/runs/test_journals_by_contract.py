"""The contracts of `EventSink` and `JournalReader`, on the journals of a home."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from synapse_core.config.home import Home
from synapse_core.logs.redact import Redactor
from synapse_core.model.event import Event
from synapse_core.ports import EventSink, JournalReader
from synapse_core.runs.journal import JournalWriter
from synapse_core.runs.reading import Journals
from synapse_core.testing.contracts.event_sink import EventSinkContract
from synapse_core.testing.contracts.journal_reader import RUN, JournalReaderContract


@pytest.fixture
def journals(tmp_path: Path) -> JournalReader:
    return Journals(Home(tmp_path))


class TestJournalWriter(EventSinkContract):
    @pytest.fixture(params=[None, Redactor(["a secret text"])], ids=["plain", "redacting"])
    def sink(self, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[EventSink]:
        path = Home(tmp_path).journal(RUN)
        path.parent.mkdir(parents=True)
        with JournalWriter.open(path, redactor=request.param) as writer:
            yield writer

    @pytest.fixture
    def recorded(self, journals: JournalReader) -> Callable[[], Sequence[Event]]:
        return lambda: journals.read(RUN).items


class TestJournals(JournalReaderContract):
    @pytest.fixture
    def journals(self, tmp_path: Path) -> JournalReader:
        return Journals(Home(tmp_path))

    @pytest.fixture
    def open_sink(self, tmp_path: Path) -> Iterator[Callable[[str], EventSink]]:
        with ExitStack() as held:

            def open_sink(run_id: str) -> EventSink:
                path = Home(tmp_path).journal(run_id)
                path.parent.mkdir(parents=True, exist_ok=True)
                return held.enter_context(JournalWriter.open(path))

            yield open_sink

"""The contracts of stores and journals, through a service."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from synapse_core.clients.sync_session import Session
from synapse_core.config.home import Home
from synapse_core.errors import StoreUnavailableError
from synapse_core.ports import EventSink, JournalReader, RunStore
from synapse_core.runs.http import HttpJournals, HttpRunStore
from synapse_core.runs.journal import JournalWriter
from synapse_core.testing.contracts.journal_reader import OTHER_RUN, RUN, JournalReaderContract
from synapse_core.testing.contracts.run_store import RunStoreContract
from synapse_core.testing.contracts.runs import ALL, a_run
from synapse_core.testing.service import ADMIN_TOKEN, serving
from synapse_core.workspace import open_workspace


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with (
        open_workspace(tmp_path, (), environ={}) as workspace,
        serving(workspace) as url,
        Session(url, ADMIN_TOKEN) as session,
    ):
        yield session


class TestHttpRunStore(RunStoreContract):
    @pytest.fixture
    def store(self, session: Session) -> RunStore:
        return HttpRunStore(session)


class TestHttpJournals(JournalReaderContract):
    @pytest.fixture
    def journals(self, session: Session) -> JournalReader:
        store = HttpRunStore(session)
        for run_id in (RUN, OTHER_RUN):
            store.create(a_run(id=run_id, executor="elsewhere"))
        return HttpJournals(session)

    @pytest.fixture
    def open_sink(self, tmp_path: Path) -> Iterator[Callable[[str], EventSink]]:
        opened: list[JournalWriter] = []

        def open_journal(run_id: str) -> EventSink:
            path = Home(tmp_path).journal(run_id)
            path.parent.mkdir(parents=True, exist_ok=True)
            opened.append(JournalWriter.open(path))
            return opened[-1]

        yield open_journal
        for writer in opened:
            writer.close()


def test_a_service_that_is_not_there_is_a_store_that_is_unavailable() -> None:
    with (
        Session("http://127.0.0.1:9", "t" * 16) as session,
        pytest.raises(StoreUnavailableError, match=r"127\.0\.0\.1:9"),
    ):
        HttpRunStore(session).list(ALL)

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from synapse_core.config.home import Home
from synapse_core.model.event import EventKind
from synapse_core.model.run import Frame, Outcome, RunFailure, RunStatus
from synapse_core.runs.endings import (
    Ending,
    ending_of,
    is_lasting,
    last_word,
    parse_failure,
    terminal_status,
)
from synapse_core.runs.journal import JournalWriter
from synapse_core.runs.reading import Journals
from synapse_core.types import JSONObject

RUN = "20260101-000000-00000001"
FAILURE = RunFailure(
    type="ValueError",
    message="too small",
    code="action_failed",
    hint="Give more.",
    where=Frame("/plugin/action.py", 7, "run", "raise ValueError"),
    traceback="Traceback …",
)
RUNNING: JSONObject = {"status": "running", "attempt": 1}

Said = tuple[EventKind, JSONObject]
Read = Callable[..., Ending]


@pytest.fixture
def journals(tmp_path: Path) -> Journals:
    return Journals(Home(tmp_path))


@pytest.fixture
def ending_after(tmp_path: Path, journals: Journals) -> Read:
    def ending_after(*said: Said) -> Ending:
        path = Home(tmp_path).journal(RUN)
        path.parent.mkdir(parents=True)
        with JournalWriter.open(path) as writer:
            for kind, data in said:
                writer.emit(kind, data)
                writer.emit(EventKind.LOG, {"message": "in between"})
        return ending_of(journals, RUN)

    return ending_after


def test_a_journal_that_says_nothing_has_no_ending(ending_after: Read) -> None:
    assert ending_after() == Ending(None, is_final=False)


def test_an_attempt_that_only_began_has_no_ending(ending_after: Read, journals: Journals) -> None:
    assert ending_after((EventKind.STATUS, RUNNING)) == Ending(None, is_final=False)
    assert last_word(journals, RUN) is None


def test_the_word_of_an_earlier_attempt_is_not_the_current_ones(ending_after: Read) -> None:
    ending = ending_after(
        (EventKind.STATUS, RUNNING),
        (EventKind.ERROR, asdict(FAILURE)),
        (EventKind.STATUS, {"status": "running", "attempt": 2}),
    )

    assert ending == Ending(None, is_final=False)


def test_a_result_stands(ending_after: Read) -> None:
    ending = ending_after((EventKind.STATUS, RUNNING), (EventKind.OUTPUT, {"result": [1]}))

    assert ending == Ending(Outcome(RunStatus.SUCCEEDED, result=[1]), is_final=False)


def test_a_failure_is_read_back_whole(ending_after: Read) -> None:
    ending = ending_after((EventKind.STATUS, RUNNING), (EventKind.ERROR, asdict(FAILURE)))

    assert ending == Ending(Outcome(RunStatus.FAILED, failure=FAILURE), is_final=False)


def test_an_action_that_heeded_the_request_to_stop_was_cancelled(ending_after: Read) -> None:
    failure: JSONObject = {"type": "RunCancelledError", "message": "", "code": "run_cancelled"}
    ending = ending_after((EventKind.ERROR, failure))

    assert ending == Ending(Outcome(RunStatus.CANCELLED), is_final=False)


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(RunStatus.SUCCEEDED, result={"score": 1}),
        Outcome(RunStatus.FAILED, failure=FAILURE),
        Outcome(RunStatus.CANCELLED),
    ],
)
def test_an_end_on_record_is_final_and_read_back_as_it_was(
    ending_after: Read, outcome: Outcome
) -> None:
    ending = ending_after(
        (EventKind.OUTPUT, {"result": {"score": 1}}),
        (EventKind.STATUS, terminal_status(outcome, 3)),
    )

    assert ending == Ending(outcome, is_final=True)


def test_a_failure_that_lacks_everything_is_still_one() -> None:
    assert parse_failure({}) == RunFailure(type="Exception", message="")


def test_only_what_cannot_get_better_is_lasting() -> None:
    assert not is_lasting(FAILURE)
    assert is_lasting(RunFailure(type="ParamsError", message="", code="invalid_params"))

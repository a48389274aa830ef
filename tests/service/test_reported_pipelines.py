"""Pipelines that something else executes, reported to a service."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from synapse_core.clients.sync_service import PipelineServiceClient
from synapse_core.clients.sync_session import Session
from synapse_core.errors import (
    ConflictError,
    InvalidInputError,
    RunCancelledError,
    StoreUnavailableError,
)
from synapse_core.model.event import EventKind
from synapse_core.model.run import RunStatus
from synapse_core.pipelines.reporting import PipelineReport
from synapse_core.testing.service import RUN_TOKEN, serving
from synapse_core.workspace import open_workspace

_BEGUN = ["running", "pending", "pending"]


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with open_workspace(tmp_path / "far", (), environ={}) as workspace, serving(workspace) as url:
        yield url


@pytest.fixture
def session(url: str) -> Iterator[Session]:
    with Session(url, RUN_TOKEN) as session:
        yield session


@pytest.fixture
def client(url: str) -> Iterator[PipelineServiceClient]:
    with PipelineServiceClient(url, RUN_TOKEN) as client:
        yield client


def a_report(session: Session, near: Path, resume_from: str | None = None) -> PipelineReport:
    return PipelineReport(
        session,
        near,
        plugin="birds",
        name="survey",
        nodes=["download", "count", "report"],
        params={"place": "marsh"},
        resume_from=resume_from,
    )


def statuses(client: PipelineServiceClient, run_id: str) -> list[str]:
    return [one.status.value for one in client.get_progress(run_id).progress]


def test_what_is_reported_is_shown_like_any_pipeline(
    session: Session, client: PipelineServiceClient, tmp_path: Path
) -> None:
    with a_report(session, tmp_path / "near") as report:
        with report.node("download", {"place": "marsh"}) as node:
            node.context.set_progress(1, 4)
            node.context.logger.info("half way")
            node.context.save_artifact("robin\n", "seen.txt")
            events = client.stream_events(node.context.job_id, kinds=[EventKind.PROGRESS])
            assert next(events)[0].data["percent"] == 25
            events.close()
            # The log of the pipeline comes by a way of its own, sooner or later than the node's.
            for progress in client.stream_progress(report.run_id):
                if [one.status.value for one in progress.progress] == _BEGUN:
                    break
            node.result = {"path": "seen.txt"}
        with report.node("count") as node:
            node.result = {"robin": 1}
        with report.node("report") as node:
            node.result = {"text": "1 robin"}

    run = client.get_run(report.run_id)
    assert run.status is RunStatus.SUCCEEDED
    assert run.result == {
        "download": {"path": "seen.txt"},
        "count": {"robin": 1},
        "report": {"text": "1 robin"},
    }
    progress = client.get_progress(run.id)
    assert [one.status for one in progress.progress] == [RunStatus.SUCCEEDED] * 3
    assert progress.progress[0].started_at is not None
    (download,) = client.get_node(run.id, "download")
    assert download.params == {"place": "marsh"}
    assert "half way" in client.read_logs(download.id)[0]
    assert b"".join(client.read_artifact(download.id, "seen.txt")) == b"robin\n"
    latest = client.get_latest_node(run.id)
    assert latest is not None
    assert latest.result == {"text": "1 robin"}
    assert [one.id for one in client.list_pipeline_runs("birds", "survey").items] == [run.id]


def count_no_birds(report: PipelineReport) -> None:
    with report:
        with report.node("download", {"place": "marsh"}) as node:
            node.result = {"path": "seen.txt"}
        with report.node("count"):
            raise ValueError("no birds")


def test_a_failure_is_told_with_its_node_and_taken_up_later(
    session: Session, client: PipelineServiceClient, tmp_path: Path
) -> None:
    first = a_report(session, tmp_path / "near")
    with pytest.raises(ValueError, match="no birds"):
        count_no_birds(first)

    failed = client.get_run(first.run_id)
    assert failed.status is RunStatus.FAILED
    assert failed.failure is not None
    assert "no birds" in failed.failure.message
    assert statuses(client, failed.id) == ["succeeded", "failed", "pending"]
    (count,) = client.get_node(failed.id, "count")
    assert count.failure is not None
    assert (count.failure.type, count.failure.message) == ("ValueError", "no birds")

    with a_report(session, tmp_path / "near", resume_from=failed.id) as second:
        finished = second.finished()
        assert list(finished) == ["download"]
        assert second.take_over("download", finished["download"]) == {"path": "seen.txt"}
        for name in ("count", "report"):
            with second.node(name) as node:
                node.result = {}
        second.result = "done"

    resumed = client.get_run(second.run_id)
    assert (resumed.status, resumed.result) == (RunStatus.SUCCEEDED, "done")
    assert resumed.rerun_of == failed.id
    assert statuses(client, resumed.id) == ["skipped", "succeeded", "succeeded"]
    (taken,) = client.get_node(resumed.id, "download")
    assert taken.result == {"path": "seen.txt"}


def work_until_cancelled(report: PipelineReport, client: PipelineServiceClient) -> None:
    with report, report.node("download") as node:
        client.cancel_run(report.run_id)
        for _ in range(400):
            node.context.check_cancelled()
            threading.Event().wait(0.05)


def test_a_cancelled_pipeline_stops_its_nodes(
    session: Session, client: PipelineServiceClient, tmp_path: Path
) -> None:
    report = a_report(session, tmp_path / "near")
    with pytest.raises(RunCancelledError):
        work_until_cancelled(report, client)

    assert client.get_run(report.run_id).status is RunStatus.CANCELLED
    assert statuses(client, report.run_id) == ["cancelled", "pending", "pending"]


def work_until_the_node_is_cancelled(report: PipelineReport, client: PipelineServiceClient) -> None:
    with report.node("download") as node:
        client.cancel_run(node.context.job_id)
        for _ in range(400):
            node.context.check_cancelled()
            threading.Event().wait(0.05)


def test_a_node_that_is_cancelled_alone_leaves_the_others(
    session: Session, client: PipelineServiceClient, tmp_path: Path
) -> None:
    with a_report(session, tmp_path / "near") as report:
        with pytest.raises(RunCancelledError):
            work_until_the_node_is_cancelled(report, client)
        with report.node("count") as node:
            node.context.check_cancelled()

    assert client.get_run(report.run_id).status is RunStatus.SUCCEEDED
    assert statuses(client, report.run_id) == ["cancelled", "succeeded", "pending"]


def test_a_node_is_executed_once_and_must_be_one(session: Session, tmp_path: Path) -> None:
    with a_report(session, tmp_path / "near") as report:
        with report.node("download"):
            pass
        with pytest.raises(ConflictError, match="executed before"), report.node("download"):
            pass
        with pytest.raises(InvalidInputError, match="downlod") as caught, report.node("downlod"):
            pass
        assert "download" in caught.value.hint
    with pytest.raises(InvalidInputError, match="within"), report.node("count"):
        pass


@pytest.mark.parametrize("nodes", [["a", "a"], ["latest"], ["a/b"], [""]])
def test_names_that_mean_two_things_are_refused(
    session: Session, tmp_path: Path, nodes: list[str]
) -> None:
    with pytest.raises(InvalidInputError, match="name of a node"):
        PipelineReport(session, tmp_path, plugin="p", name="n", nodes=nodes)


def test_a_service_that_is_not_there_is_told(tmp_path: Path) -> None:
    with Session("http://127.0.0.1:9", RUN_TOKEN, patience_s=0) as session:
        report = a_report(session, tmp_path / "near")
        with pytest.raises(StoreUnavailableError), report:
            pass

"""One replica without Ray: which release answers, and what becomes of its process."""

import asyncio
import os

import psutil
import pytest

from synapse_core.errors import ActionLoadError, WorkerLostError
from synapse_core.serving.reports import ReplicaState, Report, read_reports
from tests.serving.conftest import Bench, Serve, until

pytestmark = pytest.mark.anyio

SAYS = """
    import os
    import time

    from synapse_core import action


    @action
    def answer(ctx, do: str = "", seconds: float = 0.0, until: str = "") -> str:
        if do == "die":
            os._exit(3)
        print("the key is", os.environ["API_KEY"])
        time.sleep(seconds)
        while until and not os.path.exists(until):
            time.sleep(0.02)
        return os.environ["NUMBER"]
"""


def report(bench: Bench) -> Report:
    (only,) = read_reports(bench.shelf.replicas("one"))
    return only


async def test_it_answers_and_leaves_nothing_behind(bench: Bench, serve: Serve) -> None:
    bench.release(SAYS)

    async with serve() as served:
        answer = await served.ask({})
        told = report(bench)

    assert answer == (200, "1")
    assert (told.state, told.release, told.host) == (ReplicaState.READY, 1, os.uname().nodename)
    assert not psutil.pid_exists(told.pid)
    assert read_reports(bench.shelf.replicas("one")) == []


async def test_what_it_prints_is_in_the_log_without_secrets(bench: Bench, serve: Serve) -> None:
    bench.release(SAYS)

    async with serve() as served:
        await served.ask({})
        await until(lambda: "the key is" in bench.log())

    assert "the key is [redacted]" in bench.log()
    assert "hunter2" not in bench.log()


async def test_a_new_release_takes_over_while_the_old_one_finishes(
    bench: Bench, serve: Serve
) -> None:
    bench.release(SAYS)

    async with serve() as served:
        signal = bench.folder / "go-on"
        slow = asyncio.create_task(served.ask({"until": str(signal)}))
        await until(lambda: "the key is" in bench.log())
        bench.release(SAYS)
        await until(lambda: report(bench).release == 2)
        quick = await served.ask({})

        assert not slow.done()
        signal.touch()
        assert quick == (200, "2")
        assert await slow == (200, "1")


async def test_a_release_that_does_not_start_changes_nothing(bench: Bench, serve: Serve) -> None:
    bench.release(SAYS)

    async with serve() as served:
        bench.release("import nothing_of_the_kind\n")
        await until(lambda: bool(report(bench).error))
        told = report(bench)
        answer = await served.ask({})

    assert answer == (200, "1")
    assert (told.state, told.release, told.wanted) == (ReplicaState.READY, 1, 2)
    assert "nothing_of_the_kind" in told.error
    assert "act.py:1" in told.error


async def test_what_dies_during_an_update_is_not_brought_back(bench: Bench, serve: Serve) -> None:
    bench.release(SAYS)

    async with serve() as served:
        bench.release(SAYS.replace("import time\n", "import time\n\n    time.sleep(1)\n", 1))
        await until(lambda: "Starting release 2" in bench.log())
        lost, _ = await served.ask({"do": "die"})
        answers = [await served.ask({}) for _ in range(3)]
        told = report(bench)

    assert lost == 503
    assert answers == [(200, "2")] * 3
    assert (told.release, told.restarts) == (2, 1)
    assert bench.log().count("Starting release 1") == 1


async def test_what_dies_after_a_broken_update_comes_back_and_the_fault_stays_told(
    bench: Bench, serve: Serve
) -> None:
    bench.release(SAYS)

    async with serve() as served:
        bench.release("import nothing_of_the_kind\n")
        await until(lambda: bool(report(bench).error))
        await served.ask({"do": "die"})
        answer = await served.ask({})
        await until(lambda: report(bench).state is ReplicaState.READY)
        told = report(bench)

    assert answer == (200, "1")
    assert "nothing_of_the_kind" in told.error


async def test_a_replica_that_joins_later_takes_what_has_worked(bench: Bench, serve: Serve) -> None:
    bench.release(SAYS)
    async with serve():
        pass
    bench.release("import nothing_of_the_kind\n")

    async with serve() as served:
        answer = await served.ask({})
        told = report(bench)

    assert answer == (200, "1")
    assert "nothing_of_the_kind" in told.error


async def test_without_any_that_works_it_says_why(bench: Bench, serve: Serve) -> None:
    bench.release("import nothing_of_the_kind\n")

    with pytest.raises(ActionLoadError, match="nothing_of_the_kind"):
        async with serve():
            pass

    assert report(bench).state is ReplicaState.FAILED
    assert "Traceback" in bench.log()


async def test_a_class_that_cannot_answer_does_not_start(bench: Bench, serve: Serve) -> None:
    bench.release(
        """
        from pydantic import BaseModel
        from synapse_core import BaseServeDeployment


        class Nothing(BaseModel):
            pass


        class Silent(BaseServeDeployment[Nothing]):
            def load_model(self, model_id):
                return 1
        """,
        "act:Silent",
    )

    with pytest.raises(ActionLoadError, match="neither `infer` nor `infer_batch`"):
        async with serve():
            pass


async def test_a_process_that_ends_while_it_imports_is_told(bench: Bench, serve: Serve) -> None:
    bench.release("import os\nos._exit(9)\n")

    with pytest.raises(WorkerLostError, match="ended with 9"):
        async with serve():
            pass


async def test_a_process_that_dies_is_replaced_and_later_requests_wait(
    bench: Bench, serve: Serve
) -> None:
    bench.release(SAYS)

    async with serve() as served:
        lost, document = await served.ask({"do": "die"})
        answer = await served.ask({})
        told = report(bench)

    assert (lost, document["code"]) == (503, "worker_lost")
    assert answer == (200, "1")
    assert told.restarts == 1


async def test_a_request_that_takes_too_long_is_answered_and_holds_up_no_other(
    bench: Bench, serve: Serve
) -> None:
    bench.release(SAYS, timeout_s=0.5)

    async with serve() as served:
        before = report(bench).pid
        status, document = await served.ask({"seconds": 600.0})
        await until(lambda: report(bench).pid not in {0, before})
        answer = await served.ask({})
        await until(lambda: not psutil.pid_exists(before))

    assert (status, document["code"]) == (504, "run_timeout")
    assert answer == (200, "1")


async def test_the_action_dies_with_its_replica(bench: Bench, serve: Serve) -> None:
    bench.release(
        """
        import subprocess
        from synapse_core import action

        subprocess.Popen(["sleep", "1000"])


        @action
        def answer(ctx) -> int:
            return 1
        """
    )

    async with serve() as served:
        process = psutil.Process(report(bench).pid)
        (child,) = process.children()
        served.replica.kill()
        await until(lambda: not psutil.pid_exists(child.pid))

"""Whether the head of a cluster is there is found out before Ray waits for it."""

import socket
from collections.abc import Iterator

import pytest

from synapse_core.errors import WorkerLostError
from synapse_core.executors.ray.driver.head_watch import HeadWatch, await_head


@pytest.fixture
def head() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "ray://127.0.0.1:{}", "ray://127.0.0.1:{}/?a=b"])
def test_one_that_listens_is_there(head: socket.socket, form: str) -> None:
    await_head(form.format(head.getsockname()[1]), timeout_s=0)


def test_one_that_does_not_is_not(head: socket.socket) -> None:
    port = head.getsockname()[1]
    head.close()

    with pytest.raises(OSError, match="refused"):
        await_head(f"127.0.0.1:{port}", timeout_s=0)
    with pytest.raises(OSError, match="has no port"):
        await_head("ray://head:", timeout_s=0)


def test_what_is_no_address_is_left_to_ray() -> None:
    await_head("auto", timeout_s=0)


def test_one_that_answers_is_not_taken_for_lost(head: socket.socket) -> None:
    watch = HeadWatch("lab", f"127.0.0.1:{head.getsockname()[1]}")
    lost: list[str] = []

    watch.start(lost.append)
    head.settimeout(5)
    head.accept()[0].close()

    watch.check()
    assert not watch.is_silent
    assert lost == []


def test_one_that_has_been_silent_is_told_as_such() -> None:
    watch = HeadWatch("lab", "127.0.0.1:1", doubt_s=0.0)

    assert watch.is_silent
    with pytest.raises(WorkerLostError, match="head of the cluster 'lab'"):
        watch.check()

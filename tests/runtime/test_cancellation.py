import os
import signal
import threading

import pytest

from synapse_core.errors import RunCancelledError
from synapse_core.runtime.cancellation import CancelToken


def test_a_fresh_token_lets_the_action_go_on() -> None:
    token = CancelToken()

    token.check()

    assert not token.is_set
    assert not token.wait(0)


def test_a_set_token_stops_the_action_where_it_asks() -> None:
    token = CancelToken()

    token.set()

    assert token.is_set
    with pytest.raises(RunCancelledError):
        token.check()


def test_setting_twice_is_setting_once() -> None:
    token = CancelToken()
    token.set()
    token.set()

    assert token.wait(0)
    assert token.wait()


def test_a_wait_ends_when_its_time_is_over() -> None:
    assert not CancelToken().wait(0.01)


@pytest.mark.parametrize("timeout", [0, -1, 1e-9])
def test_a_wait_of_no_time_does_not_block(timeout: float) -> None:
    assert not CancelToken().wait(timeout)


def test_a_wait_of_absurd_length_is_a_wait_without_end() -> None:
    token = CancelToken()
    threading.Timer(0.01, token.set).start()

    assert token.wait(1e300)


def test_all_who_wait_are_woken() -> None:
    token = CancelToken()
    woken: list[bool] = []
    waiters = [
        threading.Thread(target=lambda: woken.append(token.wait(30)), daemon=True)
        for _ in range(20)
    ]
    for waiter in waiters:
        waiter.start()

    token.set()
    for waiter in waiters:
        waiter.join(30)

    assert woken == [True] * 20


def test_of_many_who_set_it_none_fails() -> None:
    for _ in range(50):
        token = CancelToken()
        failed: list[BaseException] = []

        def set_it(token: CancelToken = token, failed: list[BaseException] = failed) -> None:
            try:
                token.set()
            except RuntimeError as error:
                failed.append(error)

        setters = [threading.Thread(target=set_it) for _ in range(4)]
        for setter in setters:
            setter.start()
        assert token.wait(30)
        for setter in setters:
            setter.join()
        assert failed == []


def test_a_signal_handler_wakes_the_thread_that_it_interrupts() -> None:
    token = CancelToken()
    earlier = signal.signal(signal.SIGUSR1, lambda _number, _frame: token.set())
    try:
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        assert token.wait(30)
    finally:
        signal.signal(signal.SIGUSR1, earlier)

"""The contracts of `Clock` and `Inspector`, and the fakes that ship."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from synapse_core import ports
from synapse_core.config.home import Home
from synapse_core.executors.process import ProcessExecutor
from synapse_core.ports import Clock, Inspector
from synapse_core.testing import ManualClock
from synapse_core.testing.contracts.clock import ClockContract
from synapse_core.testing.contracts.inspector import InspectorContract


class TestTimeOfPython(ClockContract):
    @pytest.fixture
    def clock(self) -> Clock:
        return cast("Clock", time)


class TestManualClock(ClockContract):
    @pytest.fixture
    def clock(self) -> Clock:
        return ManualClock()


class TestProcessesAsInspectors(InspectorContract):
    @pytest.fixture
    def inspector(self, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inspector]:
        home = Home(tmp_path_factory.getbasetemp() / "home of inspectors")
        home.ensure()
        executor = ProcessExecutor(home, os.environ)
        yield executor
        executor.close()


def test_a_manual_clock_goes_when_it_is_told_to() -> None:
    clock = ManualClock(start=1000.0)

    clock.advance(2.5)
    clock.set_time(500.0)

    assert (clock.time(), clock.monotonic()) == (500.0, 2.5)
    with pytest.raises(ValueError, match="set_time"):
        clock.advance(-1)


def test_every_port_has_a_contract() -> None:
    folder = Path(ports.__file__).parent / "testing" / "contracts"
    written = "\n".join(file.read_text(encoding="utf-8") for file in folder.glob("*.py"))

    lacking = {port for port in ports.__all__ if f"class {port}Contract" not in written}
    assert lacking == set()

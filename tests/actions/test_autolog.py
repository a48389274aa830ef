"""Frameworks report by themselves; Ultralytics is played by a package that calls as it does."""

import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from pydantic import BaseModel

from synapse_core import BaseAction
from synapse_core.errors import InvalidInputError, MissingExtraError, RunCancelledError
from synapse_core.model.event import Event, EventKind
from synapse_core.testing import run_action

BASE = '''
from collections import defaultdict
from copy import deepcopy

default_callbacks = defaultdict(list)


class Number:
    """As a tensor of one element."""

    def __init__(self, value):
        self.value = value

    def __float__(self):
        return self.value


class Trainer:
    def __init__(self, save_dir, epochs=2, lossless=False):
        self.callbacks = deepcopy(default_callbacks)
        self.save_dir, self.epochs, self.epoch = save_dir, epochs, 0
        self.tloss, self.metrics, self.lr = 0.0, {}, {"lr/pg0": 0.01}
        self.lossless = lossless

    def label_loss_items(self, loss_items, prefix):
        if self.lossless:
            raise KeyError(0)
        return {f"{prefix}/box_loss": Number(loss_items)}

    def call(self, name):
        for hook in self.callbacks[name]:
            hook(self)

    def train(self):
        self.call("on_train_start")
        for self.epoch in range(self.epochs):
            self.call("on_train_batch_end")
            self.tloss = 1 / (self.epoch + 1)
            self.metrics = {"metrics/mAP50(B)": Number(self.epoch / 10)}
            self.call("on_fit_epoch_end")
        self.epoch = self.epochs
        self.call("on_fit_epoch_end")
        (self.save_dir / "weights").mkdir()
        (self.save_dir / "weights" / "best.pt").write_bytes(b"best")
        (self.save_dir / "results.csv").write_text("epoch")
        (self.save_dir / "results.png").write_bytes(b"png")
        self.call("on_train_end")
'''


class NoParams(BaseModel):
    pass


class Train(BaseAction[NoParams]):
    trainer: dict[str, Any] = {}  # noqa: RUF012 - set by each test

    def execute(self) -> None:
        self.autolog("ultralytics")
        self.autolog("ultralytics")  # twice does no harm
        base: Any = sys.modules["ultralytics.utils.callbacks.base"]
        save_dir = self.ctx.work_dir / "runs"
        save_dir.mkdir()
        base.Trainer(save_dir, **self.trainer).train()


@pytest.fixture
def ultralytics(tmp_path: Path) -> Iterator[None]:
    folder = tmp_path / "libs" / "ultralytics" / "utils" / "callbacks"
    folder.mkdir(parents=True)
    for package in (folder, folder.parent, folder.parent.parent):
        (package / "__init__.py").touch()
    (folder / "base.py").write_text(dedent(BASE), encoding="utf-8")
    sys.path.insert(0, str(tmp_path / "libs"))
    yield
    sys.path.remove(str(tmp_path / "libs"))
    for name in [one for one in sys.modules if one.partition(".")[0] == "ultralytics"]:
        del sys.modules[name]
    Train.trainer = {}


@pytest.mark.usefixtures("ultralytics")
def test_a_training_reports_progress_metrics_and_files() -> None:
    done = run_action(Train, {})

    assert done.progress["train"].percent == 100
    assert done.series("train/box_loss") == [1.0, 0.5]
    assert done.series("metrics/mAP50(B)", "train") == [0.0, 0.1]
    assert done.metrics["best"] == {"metrics/mAP50(B)": 0.1}
    assert done.metrics["train"]["lr/pg0"] == 0.01
    assert [saved.name for saved in done.artifacts] == [
        "ultralytics/weights/best.pt",
        "ultralytics/results.csv",
        "ultralytics/results.png",
    ]


@pytest.mark.usefixtures("ultralytics")
def test_a_fault_in_a_report_stops_no_training() -> None:
    Train.trainer = {"lossless": True}

    done = run_action(Train, {})

    assert len(done.artifacts) == 3
    assert any("Cannot report on_fit_epoch_end" in line for line in done.logs)


@pytest.mark.usefixtures("ultralytics")
def test_a_cancelled_run_stops_its_training() -> None:
    def first_epoch(event: Event) -> bool:
        return event.kind is EventKind.METRICS

    done = run_action(Train, {}, cancel=first_epoch, check=False)

    assert isinstance(done.error, RunCancelledError)
    assert done.series("train/box_loss") == [1.0]


@pytest.mark.usefixtures("ultralytics")
def test_a_training_after_the_run_reports_to_nobody(tmp_path: Path) -> None:
    done = run_action(Train, {})
    count = len(done.events)
    base: Any = sys.modules["ultralytics.utils.callbacks.base"]

    base.Trainer(tmp_path).train()

    assert len(done.events) == count


def test_a_framework_that_is_not_installed_says_how_to_get_it() -> None:
    with pytest.raises(MissingExtraError, match="not installed") as caught:
        run_action(Train, {})

    assert "pip install ultralytics" in caught.value.hint


def test_a_framework_that_is_not_known_names_those_that_are() -> None:
    class Wrong(BaseAction[NoParams]):
        def execute(self) -> None:
            self.autolog("ultralitics")

    with pytest.raises(InvalidInputError, match="'ultralitics'") as caught:
        run_action(Wrong, {})

    assert "Did you mean 'ultralytics'? Known: ultralytics." in caught.value.hint

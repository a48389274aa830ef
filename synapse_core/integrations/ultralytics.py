"""Lets Ultralytics report its trainings: progress, metrics of each epoch, weights and plots.

It hooks into the callbacks that every model gets, so nothing is patched. The hooks are plain
functions of this module, because Ultralytics copies them and sends them to other processes. There,
and when the run has ended, they do nothing.
"""

import functools
import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from synapse_core.errors import MissingExtraError, RunCancelledError
from synapse_core.runtime.context import RuntimeContext

__all__ = ["report_ultralytics"]

_FILES = ("weights/best.pt", "weights/last.pt", "results.csv", "args.yaml")
_PLOTS = ("*.png", "val_batch*.jpg", "labels.jpg")

_active: list[RuntimeContext] = []
"""The runs that have asked and not ended; the last one is told."""


class _Trainer(Protocol):
    """What is read of an Ultralytics trainer."""

    epoch: int
    epochs: int
    tloss: Any
    metrics: Mapping[str, Any] | None
    lr: Mapping[str, Any] | None
    save_dir: Any

    def label_loss_items(self, loss_items: Any, prefix: str) -> Mapping[str, Any]: ...  # noqa: ANN401 - a tensor or a dict, by version


_Report = Callable[[RuntimeContext, _Trainer], None]


def report_ultralytics(context: RuntimeContext) -> None:
    """Report the trainings that follow in this process to a run.

    Raises:
        MissingExtraError: Ultralytics is not installed.
    """
    try:
        base: Any = importlib.import_module("ultralytics.utils.callbacks.base")
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] != "ultralytics":
            raise
        raise MissingExtraError(
            "Ultralytics is not installed.",
            hint="Add `ultralytics` to the plugin's requirements.txt, or install it where the "
            "action runs: pip install ultralytics",
        ) from error
    if context not in _active:
        _active.append(context)
        context.call_at_exit(functools.partial(_active.remove, context))
    for name, hook in _HOOKS.items():
        hooks: list[Any] = base.default_callbacks[name]
        if hook not in hooks:
            hooks.append(hook)


def _hook(report: _Report) -> Callable[[_Trainer], None]:
    """Make a hook of a report: it goes to the active run, and its faults stop no training."""

    @functools.wraps(report)
    def call(trainer: _Trainer) -> None:
        if not _active:
            return
        context = _active[-1]
        try:
            report(context, trainer)
        except RunCancelledError:
            raise
        except Exception:  # Ultralytics would end the training for any fault here
            context.logger.warning("Cannot report %s", report.__name__, exc_info=True)

    return call


@_hook
def on_train_start(context: RuntimeContext, trainer: _Trainer) -> None:
    context.set_progress(0, trainer.epochs, "train")


@_hook
def on_train_batch_end(context: RuntimeContext, _trainer: _Trainer) -> None:
    context.check_cancelled()


@_hook
def on_fit_epoch_end(context: RuntimeContext, trainer: _Trainer) -> None:
    if trainer.epoch >= trainer.epochs:  # it validates the best weights once more
        context.set_metrics(_numbers(trainer.metrics), "best")
        return
    losses = trainer.label_loss_items(trainer.tloss, prefix="train")
    values = {**_numbers(losses), **_numbers(trainer.metrics), **_numbers(trainer.lr)}
    context.set_metrics(values, "train")
    context.set_progress(trainer.epoch + 1, trainer.epochs, "train")


@_hook
def on_train_end(context: RuntimeContext, trainer: _Trainer) -> None:
    folder = Path(trainer.save_dir)
    files = [folder / name for name in _FILES]
    files += sorted(file for pattern in _PLOTS for file in folder.glob(pattern))
    for file in files:
        if file.is_file():
            context.save_artifact(file, f"ultralytics/{file.relative_to(folder).as_posix()}")


def _numbers(values: Mapping[str, Any] | None) -> dict[str, float]:
    """Return values of numpy or torch as plain numbers; the names are those of Ultralytics."""
    return {name: float(value) for name, value in (values or {}).items()}


_HOOKS = {
    hook.__name__: hook
    for hook in (on_train_start, on_train_batch_end, on_fit_epoch_end, on_train_end)
}

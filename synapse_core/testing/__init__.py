"""What plugin authors and our own tests test with."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from synapse_core.testing.clocks import ManualClock
    from synapse_core.testing.harness import ActionRun, SavedArtifact, run_action
    from synapse_core.testing.sinks import MemorySink

__all__ = ["ActionRun", "ManualClock", "MemorySink", "SavedArtifact", "run_action"]

_HOMES = {
    "ActionRun": "synapse_core.testing.harness",
    "ManualClock": "synapse_core.testing.clocks",
    "MemorySink": "synapse_core.testing.sinks",
    "SavedArtifact": "synapse_core.testing.harness",
    "run_action": "synapse_core.testing.harness",
}

if not TYPE_CHECKING:  # every pytest of a user imports this package, for its plugin

    def __getattr__(name: str) -> object:
        home = _HOMES.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(home), name)

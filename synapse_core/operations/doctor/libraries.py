"""Looks at the libraries that were installed for plugins."""

import time
from collections.abc import Iterator

from synapse_core.config.home import Home
from synapse_core.dependencies.upkeep import UNUSED_AFTER_S, list_venvs
from synapse_core.dependencies.venvs import Venvs
from synapse_core.operations.doctor.findings import Finding, FindingLevel

__all__ = ["check_libraries"]


def check_libraries(home: Home) -> Iterator[Finding]:
    """Tell how much the sets of libraries take, and which of them are of no use any more."""
    venvs = Venvs(home.cache_dir)
    states = list_venvs(venvs)
    whole = [state.contents for state in states if state.contents is not None]
    size = sum(contents.size_bytes for contents in whole)
    since = time.time() - UNUSED_AFTER_S
    unused = [s for s in states if s.contents is not None and s.used_at < since and not s.is_held]
    broken = len(states) - len(whole)
    days = round(UNUSED_AFTER_S / 86400)
    message = f"{len(whole)} sets of libraries for plugins take {size / 1e6:.1f} MB."
    if unused:
        message += f" {len(unused)} of them were not used for {days} days."
    if broken:
        message += f" {broken} are incomplete: being installed, or left behind by a crash."
    yield Finding(
        check="libraries",
        level=FindingLevel.INFO if unused or broken else FindingLevel.OK,
        message=message,
        fix=f"They are removed when the next set is installed, or now: remove {venvs.folder}."
        if unused or broken
        else "",
        facts={
            "sets": len(whole),
            "size_bytes": size,
            "unused": len(unused),
            "incomplete": broken,
        },
    )

"""Shows what deployments say."""

from typing import TYPE_CHECKING

from synapse_mcp.errors import clip
from synapse_mcp.results.runs import utc

if TYPE_CHECKING:
    from synapse_core.serving.log_files import ServedPage

__all__ = ["log_lines"]

_MAX_LINE = 4_000


def log_lines(page: "ServedPage") -> list[str]:
    """Return the lines of a page of a deployment's log, each with time, replica and source."""
    return [
        f"{utc(line.at)} {line.replica} {line.level} {line.source}: {clip(line.message, _MAX_LINE)}"
        for line in page.lines
    ]

"""What the doctor finds."""

from dataclasses import dataclass, field
from enum import StrEnum

from synapse_core.types import JSONObject, JSONValue

__all__ = ["Finding", "FindingLevel"]


class FindingLevel(StrEnum):
    """How bad a finding is, lightest first."""

    OK = "ok"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    """Something a user needs does not work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        check: Stable name of what was looked at.
        level: How bad it is.
        message: What was found, with its value.
        fix: What to do; empty when all is well.
        facts: Figures behind it.
    """

    check: str
    level: FindingLevel
    message: str
    fix: str = ""
    facts: JSONObject = field(default_factory=dict[str, JSONValue])

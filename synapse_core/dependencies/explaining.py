"""Tells from an installer's last words which requirement failed, why, and what to do."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from synapse_core.dependencies.requirement_files import Entry, normalise_name
from synapse_core.errors import DependencyError

__all__ = ["FailureKind", "explain", "hide_credentials"]

_MAX_REASON = 1200


class FailureKind(StrEnum):
    """Why an installation fails."""

    NO_SPACE = "no_space"
    UNREACHABLE = "unreachable"
    HASH = "hash"
    CONFLICT = "conflict"
    NOT_FOUND = "not_found"
    BUILD = "build"
    OPTION = "option"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class _Sign:
    kind: FailureKind
    pattern: re.Pattern[str]
    what: str
    hint: str


def _sign(kind: FailureKind, pattern: str, what: str, hint: str) -> _Sign:
    return _Sign(kind, re.compile(pattern, re.IGNORECASE), what, hint)


_SIGNS = (
    _sign(
        FailureKind.NO_SPACE,
        r"no space left on device|disk quota exceeded|os error 28\b",
        "could not be installed: the disk is full",
        "Free disk space; `synapse doctor` shows what unused libraries take. Then run it again.",
    ),
    _sign(
        FailureKind.HASH,
        r"hash mismatch|do not match the hashes|hashes are required|require-hashes|"
        r"without (?:a )?hash|none have hash",
        "does not have the hash that was asked for",
        "Make the hashes anew if the library was replaced on purpose; otherwise do not install it.",
    ),
    _sign(
        FailureKind.UNREACHABLE,
        r"failed to establish a new connection|name resolution|dns error|error sending request|"
        r"connection refused|network is unreachable|max retries exceeded|request failed after|"
        r"read timed out|connection timed out|operation timed out|network connectivity is disabled|"
        r"401 unauthorized|403 forbidden",
        "could not be fetched: the package index does not answer",
        "Check the network and the index that uv or pip is configured with, or put the wheels "
        "into the plugin's wheels folder.",
    ),
    _sign(
        FailureKind.NOT_FOUND,
        r"not found in the package registry|not found in the provided package locations|"
        r"no versions of|from versions: none|there (?:is|are) no versions?|"
        r"(?:is|are) available and you require|no matching distribution found|no wheels? with a|"
        r"has no wheels|is not a supported wheel|not compatible with this platform|"
        r"no usable wheels",
        "is not to be had",
        "Check name and version: an index must offer it for this Python and this machine, or a "
        "wheel must lie in the plugin's wheels folder.",
    ),
    _sign(
        FailureKind.CONFLICT,
        r"resolutionimpossible|conflicting dependencies|no solution found|"
        r"because .* depends? on|are incompatible|conflict",
        "contradicts another requirement",
        "Loosen one of the requirements that are named, or take versions that go together.",
    ),
    _sign(
        FailureKind.BUILD,
        r"failed to build|failed building wheel|subprocess-exited-with-error|"
        r"metadata-generation-failed|build backend|backendunavailable",
        "could not be built from its source",
        "Ask for a version that has a wheel for this Python, or install the compilers it needs.",
    ),
    _sign(
        FailureKind.OPTION,
        r"unexpected argument|no such option|usage:",
        "could not be installed: the installer refuses an option",
        "Correct package_manager_options in config.yaml, or leave them out.",
    ),
)

_OTHER = _Sign(
    FailureKind.OTHER, re.compile(""), "could not be installed", "The installer's words tell more."
)

_NOISE = re.compile(
    r"^(?:\s*$|WARNING: |Looking in |Collecting |Processing |\s*Downloading |\[notice\]|"
    r"\s*Using cached|Using Python|Resolved |hint: )",
)
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")


def explain(
    words: str, entries: Sequence[Entry], fixed: Iterable[str], *, installer: str, log: Path
) -> DependencyError:
    """Return the error that says it.

    Args:
        words: What the installer said.
        entries: What was to be installed.
        fixed: Versions that Synapse's worker fixes, such as `pydantic==2.12.5`.
        installer: Name of the program.
        log: Where its words are kept.
    """
    words = hide_credentials(words)
    said = [line.rstrip() for line in words.splitlines() if not _NOISE.match(line)]
    reason = _shorten("\n".join(said).strip() or f"{installer} said nothing")
    sign = next((sign for sign in _SIGNS if sign.pattern.search(words)), _OTHER)
    entry = _find_entry(reason, entries)
    if entry is not None:
        subject = f"{entry.text!r} ({entry.place})"
    else:
        subject = f"One of {', '.join(repr(one.text) for one in entries[:5])}"
    return DependencyError(
        f"{subject} {sign.what}. {installer} says: {reason}",
        hint=_name_fixed(reason, fixed) or sign.hint,
        kind=sign.kind,
        requirement=entry.text if entry is not None else None,
        file=entry.file if entry is not None else None,
        line=entry.line if entry is not None else None,
        installer=installer,
        log=str(log),
    )


def hide_credentials(text: str) -> str:
    """Return the text with user names and passwords cut out of addresses."""
    return _CREDENTIALS.sub("***@", text)


def _find_entry(reason: str, entries: Sequence[Entry]) -> Entry | None:
    """Return the entry that is named in the reason, the first one of several."""
    if len(entries) == 1:
        return entries[0]
    at: dict[str, int] = {}
    for word in re.finditer(r"[A-Za-z0-9][\w.-]*", reason):
        at.setdefault(normalise_name(word[0]).rstrip("-."), word.start())
    named = [entry for entry in entries if entry.name in at]
    return min(named, key=lambda entry: at[entry.name], default=None)


def _name_fixed(reason: str, fixed: Iterable[str]) -> str:
    """Return what to do when a version that the worker fixes is part of the reason."""
    for one in fixed:
        if re.search(rf"(?<![\w-]){re.escape(one)}(?![\w.])", reason):
            return (
                f"Synapse's worker runs with {one} and shares it with the plugin: take versions of "
                "your libraries that go with it."
            )
    return ""


def _shorten(reason: str) -> str:
    if len(reason) <= _MAX_REASON:
        return reason
    return f"{reason[: _MAX_REASON // 3]} … {reason[-2 * _MAX_REASON // 3 :]}"

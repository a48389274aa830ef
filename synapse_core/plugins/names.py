"""The names that plugins and actions go by."""

import re

__all__ = [
    "MAX_NAME_CHARS",
    "derive_action_name",
    "derive_title",
    "explain_bad_name",
    "suggest_name",
]

MAX_NAME_CHARS = 100
"""Longest code of a plugin or name of an action."""

_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?")
_WORD_BORDER = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def derive_action_name(attribute: str) -> str:
    """Return the name of an action that states none: `TrainModelAction` gives `train_model`."""
    stem = attribute.removesuffix("Action") or attribute
    return _WORD_BORDER.sub("_", stem).lower().strip("_") or attribute


def derive_title(name: str) -> str:
    """Return a name for people: `train_model` gives `Train model`."""
    words = re.sub(r"[_.-]+", " ", name).strip()
    return words[:1].upper() + words[1:]


def explain_bad_name(name: str) -> str:
    """Return why nothing can go by this name in paths, URIs and commands; empty when it can."""
    if not name:
        return "it is empty"
    if len(name) > MAX_NAME_CHARS:
        return f"it has {len(name)} characters, and at most {MAX_NAME_CHARS} are allowed"
    if not _NAME.fullmatch(name) or ".." in name:
        return "allowed are the letters A to Z and a to z, digits, `_`, and `-` or `.` between them"
    return ""


def suggest_name(name: str) -> str:
    """Return the nearest allowed name; empty when nothing is left of it."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "_", name.strip())
    return re.sub(r"\.{2,}", ".", plain)[:MAX_NAME_CHARS].strip("_.-")

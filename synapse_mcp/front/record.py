"""What the server answers to questions whose answers never change, and the file that keeps it.

Standard library only, and of that what is quick to import: `dataclasses`, `pathlib` and `hashlib`
would take longer than all the rest of the front.
"""

import contextlib
import json
import os
from collections.abc import Mapping
from typing import NamedTuple, TypeAlias, cast

__all__ = ["LISTS", "Answers", "Record", "load_record", "store_record"]

LISTS = ("tools/list", "prompts/list", "resources/list", "resources/templates/list")
"""Questions whose answers depend on version and flags only."""

_FORMAT = 1

Answers: TypeAlias = Mapping[str, str]
"""The result of each method as JSON text."""


class Record(NamedTuple):
    """Recorded answers.

    Attributes:
        handshakes: By version of the protocol, for versions that begin with `initialize`.
        modern: By version, for those in which every request carries its version.
    """

    handshakes: Mapping[str, Answers]
    modern: Mapping[str, Answers]


def load_record(path: str, key: str) -> Record | None:
    """Return the record that was made for `key`; None when there is none that can be used."""
    try:
        with open(path, "rb") as file:
            content: object = json.load(file)
    except (OSError, ValueError, RecursionError):
        # Nothing is lost: without a record the server itself answers, a second later.
        return None
    if not isinstance(content, dict):
        return None
    fields = cast("dict[str, object]", content)
    handshakes, modern = fields.get("handshakes"), fields.get("modern")
    is_for_us = fields.get("format") == _FORMAT and fields.get("key") == key
    if not is_for_us or not _is_answers(handshakes) or not _is_answers(modern):
        return None
    return Record(cast("Mapping[str, Answers]", handshakes), cast("Mapping[str, Answers]", modern))


def store_record(path: str, key: str, record: Record) -> None:
    """Keep the record, whole or not at all.

    Raises:
        OSError: It cannot be written.
    """
    content = {"format": _FORMAT, "key": key, **record._asdict()}
    folder, name = os.path.split(path)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    draft = os.path.join(folder, f".{name}.{os.urandom(4).hex()}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump(content, file)
        os.replace(draft, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(draft)
        raise


def _is_answers(versions: object) -> bool:
    if not isinstance(versions, dict):
        return False
    for answers in cast("dict[str, object]", versions).values():
        if not isinstance(answers, dict):
            return False
        if not all(isinstance(text, str) for text in cast("dict[str, object]", answers).values()):
            return False
    return True

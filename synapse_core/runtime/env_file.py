"""Reads variables from a TOML file."""

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from synapse_core.errors import InvalidInputError, StorageError

__all__ = ["read_variables"]


def read_variables(path: Path) -> dict[str, object]:
    """Return the values of the file by name; names in tables have dots, as TOML writes them too.

    Raises:
        StorageError: The file is not there, or cannot be read.
        InvalidInputError: It is no TOML; the message names line and column.
    """
    return _flatten(_read_toml(path))


def _flatten(table: Mapping[str, object], path: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for name, value in table.items():
        match value:
            case dict():
                inner = cast("dict[str, object]", value)
                flat.update(_flatten(inner, f"{path}{name}."))
            case _:
                flat[f"{path}{name}"] = value
    return flat


def _read_toml(path: Path) -> dict[str, object]:
    import tomllib  # noqa: PLC0415 - not every run reads a file, every run would pay for the import

    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StorageError(
            f"Cannot read {path}: {error.strerror}.",
            hint=f"Give the path of a TOML file; relative paths begin at {Path.cwd()}.",
            path=str(path),
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        what = str(error) if isinstance(error, tomllib.TOMLDecodeError) else type(error).__name__
        raise InvalidInputError(
            f"{path} is no TOML file: {what}.",
            hint='Write one `NAME = "value"` a line, in UTF-8.',
            path=str(path),
        ) from error

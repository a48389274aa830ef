"""Changes single values in TOML text and leaves everything else as it stands."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from synapse_core.errors import ConfigError
from synapse_core.types import JSONObject, JSONValue

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

__all__ = ["parse_toml", "remove_toml_value", "set_toml_value"]


def parse_toml(text: str, source: str) -> JSONObject:
    """Return what the text says; dates become text.

    Raises:
        ConfigError: It is no TOML; names line and column.
    """
    return _plain(_parse(text, source).unwrap())


def set_toml_value(text: str, path: Sequence[str], value: JSONValue, *, source: str) -> str:
    """Return the text with the value at `path`; tables on the way are made.

    Raises:
        ConfigError: The text is no TOML, or something on the way is no table.
    """
    document = _parse(text, source)
    place: Any = document
    for depth, key in enumerate(path[:-1], 1):
        if key not in place:
            place[key] = _new_table(place, holds_tables_only=depth < len(path) - 1)
        place = _table(place[key], path[:depth], source)
    place[path[-1]] = value
    return document.as_string()


def remove_toml_value(text: str, path: Sequence[str], *, source: str) -> str:
    """Return the text without the value at `path`; unchanged when there is none.

    Raises:
        ConfigError: The text is no TOML, or something on the way is no table.
    """
    document = _parse(text, source)
    place: Any = document
    for depth, key in enumerate(path[:-1], 1):
        if key not in place:
            return text
        place = _table(place[key], path[:depth], source)
    if path[-1] not in place:
        return text
    del place[path[-1]]
    return document.as_string()


def _parse(text: str, source: str) -> "TOMLDocument":
    from tomlkit import parse  # noqa: PLC0415 only an installation for Codex needs it
    from tomlkit.exceptions import ParseError, TOMLKitError  # noqa: PLC0415 as above

    try:
        return parse(text)
    except ParseError as error:
        raise ConfigError(
            f"{source}, line {error.line}, column {error.col}, is no TOML: {error}.",
            hint="Correct it there; nothing was changed.",
            path=source,
            line=error.line,
            column=error.col,
        ) from error
    except (TOMLKitError, RecursionError) as error:
        raise ConfigError(
            f"{source} is no TOML: {error}.",
            hint="Correct it in an editor; nothing was changed.",
            path=source,
        ) from error


def _new_table(parent: Any, *, holds_tables_only: bool) -> Any:  # noqa: ANN401 several classes
    from tomlkit import inline_table, table  # noqa: PLC0415 as above
    from tomlkit.items import InlineTable, Table  # noqa: PLC0415 as above

    has_values = any(not isinstance(item, Table) for item in parent.values())
    if isinstance(parent, InlineTable) or (isinstance(parent, Table) and has_values):
        return inline_table()  # stays with the values it belongs to
    return table(is_super_table=holds_tables_only)


def _table(value: Any, path: Sequence[str], source: str) -> Any:  # noqa: ANN401 several classes
    if not hasattr(value, "items"):
        raise ConfigError(
            f"{source}: {'.'.join(path)} is no table.",
            hint="Correct it in an editor; nothing was changed.",
            path=source,
        )
    return value


def _plain(value: Any) -> Any:  # noqa: ANN401 whatever TOML can say
    match value:
        case dict():
            pairs = cast("dict[str, Any]", value).items()
            return {key: _plain(item) for key, item in pairs}
        case list():
            return [_plain(item) for item in cast("list[Any]", value)]
        case str() | int() | float():
            return value
        case _:
            return str(value)

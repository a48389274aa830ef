"""Reads params as people type them.

    epochs=10 model.lr=0.1 name=cat    one value each; dotted keys lead into objects
    '{"epochs": 10}'                   a whole JSON object
    @params.yaml                       a file, JSON or YAML
    -                                  standard input, JSON or YAML

Later ones win; objects join. A value that is JSON is taken as such, anything else is text:
`x=10` is a number, `x='"10"'` is text.
"""

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO, NoReturn

from synapse_core.config.yaml_text import parse_yaml
from synapse_core.errors import ParamsError
from synapse_core.types import JSONObject, JSONValue

__all__ = ["MAX_BYTES", "MAX_DEPTH", "parse_params", "parse_variables"]

MAX_BYTES = 16 << 20
"""Ceiling on one file or standard input; what is larger belongs in a file that an action reads."""

MAX_DEPTH = 100
"""Levels of nesting; whoever checks params against a schema recurses."""

_SHOWN_CHARS = 60
_ESCAPED_DOT = "\0"
"""Stands for `\\.` while a key is split; no key can hold it."""


def parse_params(given: Iterable[str], *, stdin: BinaryIO) -> JSONObject:
    """Return the params that the words on the command line make together.

    Raises:
        ParamsError: One of them cannot be used; says which, why, and what to type instead.
    """
    params: JSONObject = {}
    read_stdin = False
    for word in given:
        if word == "-":
            if read_stdin:
                raise ParamsError("Standard input is named twice.", hint="Name `-` once.")
            read_stdin = True
            _join(params, _parse_text(_read(stdin, "standard input"), "standard input"))
        elif word.startswith("@"):
            _join(params, _parse_file(word[1:]))
        elif word.lstrip().startswith("{"):
            _join(params, _parse_object(word, "The JSON object"))
        else:
            _assign(params, word)
    _check(params)
    return params


def parse_variables(given: Sequence[str]) -> dict[str, str]:
    """Return `NAME=value` words as variables; values stay text.

    Raises:
        ParamsError: One is no `NAME=value`.
    """
    variables: dict[str, str] = {}
    for word in given:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise ParamsError(
                f"{_shown(word)} is no variable.", hint="Write NAME=value, for example DEBUG=1."
            )
        variables[name] = value
    return variables


def _assign(params: JSONObject, word: str) -> None:
    key, equals, text = word.partition("=")
    if not equals or not key:
        raise ParamsError(
            f"{_shown(word)} is no param.",
            hint="Write key=value, a JSON object, @FILE, or - for standard input.",
        )
    path = [part.replace(_ESCAPED_DOT, ".") for part in key.replace("\\.", _ESCAPED_DOT).split(".")]
    if "" in path or "\0" in key:
        raise ParamsError(
            f"{_shown(key)} is no key: a part of it is empty.",
            hint="Write a.b=1 for b in a, and a\\.b=1 for a key with a dot in it.",
        )
    place = params
    for depth, part in enumerate(path[:-1], 1):
        inner = place.setdefault(part, {})
        if not isinstance(inner, dict):
            raise ParamsError(
                f"{key} leads into {'.'.join(path[:depth])}, which is no object but "
                f"{_cut(json.dumps(inner))}.",
                hint="Give it as one JSON value.",
            )
        place = inner
    place[path[-1]] = _parse_value(key, text)


def _parse_value(key: str, text: str) -> JSONValue:
    """Return the JSON value that the text is, else the text."""
    if text.lstrip()[:1] in {"{", "["}:
        # Nobody means text that begins so; a slip in it must not pass as text.
        return _load_json(text, f"The value of {key}")
    try:
        return _decode(text)
    except _NoJsonNumberError as error:
        raise ParamsError(
            f"The value of {key} is {error}, which is no number in JSON.",
            hint=f"If you mean the word, write {key}='\"{error}\"'.",
            problems=[{"path": key, "message": "no number in JSON", "given": str(error)}],
        ) from None
    except ValueError:
        return text


def _parse_file(name: str) -> JSONObject:
    path = Path(name).expanduser()
    if not name or "\0" in name:
        raise ParamsError(f"{_shown('@' + name)} names no file.", hint="Write @params.json.")
    try:
        with path.open("rb") as file:
            content = _read(file, str(path))
    except OSError as error:
        raise ParamsError(
            f"Cannot read {path}: {error.strerror}.",
            hint="Check the path; it is taken from the current folder.",
        ) from error
    if path.suffix.lower() in {".yaml", ".yml"}:
        return _as_object(parse_yaml(content, source=str(path), error=ParamsError).value, str(path))
    if path.suffix.lower() == ".json":
        return _parse_object(content, str(path))
    return _parse_text(content, str(path))


def _parse_text(text: str, source: str) -> JSONObject:
    """Return what the text says: JSON if it begins like it, else YAML."""
    if text.lstrip()[:1] in {"{", "["}:
        return _parse_object(text, source)
    return _as_object(parse_yaml(text, source=source, error=ParamsError).value, source)


def _parse_object(text: str, source: str) -> JSONObject:
    return _as_object(_load_json(text, source), source)


def _as_object(value: JSONValue, source: str) -> JSONObject:
    if value is None:
        return {}
    if not isinstance(value, dict):
        kind = "a list" if isinstance(value, list) else "a single value"
        raise ParamsError(
            f"{source} holds {kind}, but params are an object.",
            hint='Write an object such as {"epochs": 10}.',
        )
    return value


def _load_json(text: str, source: str) -> JSONValue:
    try:
        return _decode(text)
    except _NoJsonNumberError as error:
        raise ParamsError(
            f"{source} has {error}, which is no number in JSON.",
            hint='Write null, a finite number, or quote it: "NaN".',
        ) from None
    except json.JSONDecodeError as error:
        raise ParamsError(
            f"{source}, line {error.lineno}, column {error.colno}, is no JSON: "
            f"{error.msg[:1].lower()}{error.msg[1:]}.",
            hint="Correct it there. In a shell, put the whole text in single quotes.",
        ) from error
    except RecursionError as error:
        raise ParamsError(f"{source} nests too deep.", hint="Make it flatter.") from error
    except ValueError as error:
        raise ParamsError(f"{source} is no JSON: {error}.", hint="Correct it.") from error


class _NoJsonNumberError(ValueError):
    """A number that JSON does not have."""


def _decode(text: str) -> JSONValue:
    return json.loads(
        text,
        parse_constant=_refuse_constant,
        parse_float=_parse_float,
        parse_int=_parse_int,
        object_pairs_hook=_unique,
    )


def _check(params: JSONObject) -> None:
    """Refuse what no journal and no database could hold."""
    try:
        json.dumps(params, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ParamsError(
            f"The params hold {error.object[error.start]!r}, which is half of a character.",
            hint="It comes from bytes that are no UTF-8; correct them.",
        ) from None
    level: list[JSONValue] = [params]
    for _ in range(MAX_DEPTH):
        level = [child for value in level for child in _children(value)]
        if not level:
            return
    raise ParamsError(f"The params nest deeper than {MAX_DEPTH} levels.", hint="Make them flatter.")


def _children(value: JSONValue) -> Iterable[JSONValue]:
    match value:
        case dict():
            return value.values()
        case list():
            return value
        case _:
            return ()


def _refuse_constant(name: str) -> NoReturn:
    raise _NoJsonNumberError(name)


def _parse_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _NoJsonNumberError(_cut(text))
    return number


def _parse_int(text: str) -> int:
    try:
        return int(text)
    except ValueError:  # more digits than Python converts
        raise _NoJsonNumberError(_cut(text)) from None


def _unique(pairs: list[tuple[str, JSONValue]]) -> JSONObject:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {_shown(twice)} stands in it twice")
    return found


def _join(params: JSONObject, more: JSONObject) -> None:
    for key, value in more.items():
        inner = params.get(key)
        if isinstance(inner, dict) and isinstance(value, dict):
            _join(inner, value)
        else:
            params[key] = value


def _read(file: BinaryIO, source: str) -> str:
    content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ParamsError(
            f"{source} is larger than {MAX_BYTES >> 20} MiB, too large for params.",
            hint="Put the data in a file, and give the action its path.",
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ParamsError(
            f"{source} is no UTF-8 text: byte {error.start} is {content[error.start]:#04x}.",
            hint="Save it as UTF-8.",
        ) from error


def _shown(text: str) -> str:
    return repr(_cut(text))


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"

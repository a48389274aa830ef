"""The secrets that variables and params hold, told by the names they stand under."""

import json
from collections.abc import Iterator, Mapping
from typing import cast
from urllib.parse import unquote, urlsplit

from synapse_core.logs.secret_names import is_secret_name
from synapse_core.types import JSONObject, JSONValue

__all__ = ["secrets_in", "secrets_of_variables"]


def secrets_of_variables(environ: Mapping[str, str]) -> list[str]:
    """Return what the variables keep secret, by their names or in URLs."""
    return [secret for name, value in environ.items() for secret in _secrets(name, value)]


def secrets_in(content: JSONObject) -> list[str]:
    """Return the texts below keys that name secrets, at any depth."""
    return list(_walk(content))


def _walk(content: JSONObject) -> Iterator[str]:
    waiting: list[tuple[JSONValue, bool]] = [(content, False)]
    while waiting:
        value, is_secret = waiting.pop()
        match value:
            case str() if is_secret:
                yield value
            case dict():
                named = value.get("name", value.get("key"))
                is_pair = isinstance(named, str) and is_secret_name(named)
                waiting += [
                    (part, is_secret or is_secret_name(key) or (is_pair and key == "value"))
                    for key, part in value.items()
                ]
            case list():
                waiting += [(part, is_secret) for part in value]
            case _:
                continue


def _secrets(name: str, value: str) -> list[str]:
    """Return what a variable of this name keeps secret."""
    if "://" in value:
        return _url_secrets(value) or ([value] if is_secret_name(name) else [])
    if not is_secret_name(name) or _is_path(value):
        return []
    return [value, *_json_secrets(value)]


def _url_secrets(value: str) -> list[str]:
    try:
        password = urlsplit(value).password
    except ValueError:  # not a URL after all
        return []
    return [password, unquote(password)] if password else []


def _is_path(value: str) -> bool:
    """Whether it is a path: that of a key file stands in harmless texts, its content does not."""
    return value.startswith(("/", "~/", "./")) and "." in value.rpartition("/")[2]


def _json_secrets(value: str) -> list[str]:
    """Return the secret leaves of a variable that holds JSON, as a service account does."""
    if not value.lstrip().startswith("{"):
        return []
    try:
        content = cast("JSONValue", json.loads(value))
    except ValueError:
        return []
    if not isinstance(content, dict):
        return []
    return [item for key, item in content.items() if isinstance(item, str) and is_secret_name(key)]

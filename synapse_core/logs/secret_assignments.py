"""Secrets in text that are known by the name before them: `password=…`, `"apiKey": "…"`."""

import re
from functools import cache

from synapse_core.logs.secret_names import hides_numbers, is_secret_name
from synapse_core.logs.secret_shapes import REDACTED

__all__ = ["hide_assigned"]

_WORDS = ("pass", "secret", "authoriz", "cookie", "pwd", "credential", "dsn", "jwt", "csrf", "otp=")
"""Parts of names that tell of a secret."""

_PARTS: dict[str, tuple[str, ...]] = {
    "token": ("tokens", "tokeni"),
    "key": ("keypoint", "keyword", "keyframe", "keyboard", "keyerror"),
    "auth": ("author",),
}
"""The same, with the words that have them too and are common in what models and their tools say."""

_VALUE = r"""
    (?P<quote>["'])   (?P<quoted> (?: \\. | (?! (?P=quote) ) [^\\] )*+ )
  | (?P<escaped>\\+["']) (?P<inner> (?: (?! (?<!\\) (?P=escaped) ) . )*+ )
  | (?P<plain> (?: [^\s"'<>;&\\] | \\ (?! [nrt"'\\] ) )++ )
"""

_MIN_WEAK_CHARS = 6

_NOT_ITSELF = re.compile(
    r"""
      \$ | \{\{ | %[({] | < | \*+\Z | [xX]+\Z | \.{2,} | … | \[redacted
    | (?: os | self | cls | args | kwargs | env | environ | config | cfg | settings | params
        | options | ctx | context | request | getenv | getpass | input | field | secretstr
      ) (?: [.(\[] | \Z )
    | (?: none | null | nil | undefined | unset | true | false | yes | no | empty | required
        | missing | optional | invalid | expired | wrong | incorrect | hidden | masked
        | not | is | are | was | the | a | an
        | any | bool | bytes | float | int | object | str | string
        | bearer | basic | token | digest | negotiate | apikey
      ) \Z
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""Says where a secret comes from, of which type it is or that there is none."""

_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?\Z")
_PROSE = re.compile(r"[a-z]+\Z")


def hide_assigned(text: str) -> str:
    """Replace what stands after the name of a secret; the same object comes back if nothing does.

    Where a quoted name is followed by a bare value, the replacement is quoted: JSON stays JSON.
    """
    if "=" not in text and ":" not in text and "--" not in text:
        return text
    lowered = text.lower()
    if not _names_a_secret(lowered):
        return text
    if "uthorization" in lowered or "cookie" in lowered:
        text = _header().sub(_hide_header, text)
    if "--" in text:
        text = _flag().sub(_hide, text)
    return _assignment().sub(_hide, text)


def _names_a_secret(lowered: str) -> bool:
    for word in _WORDS:
        if word in lowered:
            return True
    for part, harmless in _PARTS.items():
        if part in lowered and lowered.count(part) > sum(map(lowered.count, harmless)):
            return True
    return False


@cache
def _assignment() -> re.Pattern[str]:
    return re.compile(
        rf"""
        (?<![\w.]) (?P<name> [A-Za-z_] [\w.-]*+ )
        (?P<after> \\*["'] )? \]? [ \t]*+ (?P<sign> => | :=? | ==? ) [ \t]*+
        (?: {_VALUE} )
        """,
        re.VERBOSE,
    )


@cache
def _flag() -> re.Pattern[str]:
    return re.compile(
        rf"(?<=--) (?P<name> [A-Za-z] [\w-]*+ ) (?P<after>(?!))? (?P<sign> [ \t]++ ) (?!-)"
        rf"(?: {_VALUE} )",
        re.VERBOSE,
    )


@cache
def _header() -> re.Pattern[str]:
    return re.compile(
        r"""
        (?P<head> \b (?: (?:proxy-)? authorization | (?:set-)? cookie ) (?: \\*["'] )?
          \s*+ [:=] \s*+ (?: \\*["'] )?
          (?: (?: bearer | basic | token | digest | negotiate | apikey ) \s++ )? )
        (?P<rest> [^\s"'\\] [^\r\n"'\\]*+ )
        """,
        re.VERBOSE | re.IGNORECASE,
    )


def _hide_header(found: re.Match[str]) -> str:
    rest = found["rest"]
    return found[0] if _NOT_ITSELF.match(rest) else found["head"] + REDACTED


def _hide(found: re.Match[str]) -> str:
    name = found["name"].lstrip("-")
    plain = found["plain"]
    value = next(found[group] for group in ("plain", "quoted", "inner") if found[group] is not None)
    tail = ""
    if plain is not None:
        value = plain.rstrip(",.)]}")
        tail = plain[len(value) :]
    if not value or not _is_secret(name, value, sign=found["sign"], is_plain=plain is not None):
        return found[0]
    head = found[0][: len(found[0]) - len(value) - len(tail)]
    if plain is not None and found["after"] is not None:
        return f"{head}{found['after']}{REDACTED}{found['after']}{tail}"
    return f"{head}{REDACTED}{tail}"


def _is_secret(name: str, value: str, *, sign: str, is_plain: bool) -> bool:
    if not is_secret_name(name):
        # Alone, `pwd` is the current folder or, in a connection string, the password.
        return name.lower() == "pwd" and not value.startswith(("/", "~")) and value[1:3] != ":\\"
    if _NOT_ITSELF.match(value):
        return False
    if hides_numbers(name):
        return True
    if _NUMBER.match(value) or (is_plain and len(value) < _MIN_WEAK_CHARS):
        return False
    return not (is_plain and sign == ":" and _PROSE.match(value))

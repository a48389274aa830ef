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
  | \[ (?! redacted\] ) (?P<many> [^\[\]{}]++ ) \]
  | (?P<plain> (?: [^\s"'<>;&\\] | \\ (?! [nrt"'\\] ) )++ )
"""

_MIN_SAID_CHARS = 6

_NOT_ITSELF = re.compile(
    r"""
      \$ | [\[({]+\Z | %[({] | < | \*+\Z | [xX]+\Z | \.{2,} | … | \[redacted
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

_NUMBERS = re.compile(r"[\d\s,.+-]+\Z")
_WORD = re.compile(r"[a-z]+\Z")


def hide_assigned(text: str) -> str:
    """Replace what stands after the name of a secret; the same object comes back if nothing does.

    Where a quoted name is followed by a bare value, the replacement is quoted: JSON stays JSON.
    """
    if "=" not in text and ":" not in text and "--" not in text:
        return text
    lowered = text.lower()
    if not _names_a_secret(lowered):
        return text
    hidden = text
    if "uthorization" in lowered or "cookie" in lowered:
        hidden = _header().sub(_hide_header, hidden)
    if "--" in text:
        hidden = _flag().sub(_hide, hidden)
    hidden = _assignment().sub(_hide, hidden)
    return text if hidden == text else hidden


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
    form = next(form for form in ("plain", "quoted", "inner", "many") if found[form] is not None)
    is_plain = form == "plain"
    value = found[form].rstrip(",.)]}") if is_plain else found[form]
    name = found["name"].lstrip("-")
    if not value or not _is_secret(name, value, sign=found["sign"], is_plain=is_plain):
        return found[0]
    quote = ""
    if is_plain or form == "many":
        quote = found["after"] or ("" if is_plain else '"')
    start = found.start(form) - found.start()
    return f"{found[0][:start]}{quote}{REDACTED}{quote}{found[0][start + len(value) :]}"


def _is_secret(name: str, value: str, *, sign: str, is_plain: bool) -> bool:
    if _NOT_ITSELF.match(value):
        return False
    if not is_secret_name(name):
        # Alone, `pwd` is the current folder or, in a connection string, the password.
        return name.lower() == "pwd" and not value.startswith(("/", "~")) and value[1:3] != ":\\"
    if hides_numbers(name):
        return True
    if _NUMBERS.match(value):
        return False
    # A colon may also stand in a sentence: "token: expired".
    is_said = is_plain and sign == ":"
    return not (is_said and (len(value) < _MIN_SAID_CHARS or _WORD.match(value)))

"""The meaning of single YAML words, as far as JSON knows it."""

import math

from synapse_core.types import JSONValue

__all__ = ["STANDARD_TAG", "parse_scalar"]

STANDARD_TAG = "tag:yaml.org,2002:"

_SHOWN_CHARS = 40


def parse_scalar(tag: str, text: str) -> JSONValue:
    """Return what a scalar of this resolved tag means.

    Dates stay text, since JSON has none, and so do base-60 numbers, which nobody means.

    Raises:
        ValueError: JSON cannot say it; the message continues a sentence about the text.
    """
    match tag.removeprefix(STANDARD_TAG):
        case "str" | "timestamp" | "value" | "merge":
            return text
        case "null":
            return None
        case "bool":
            return text.lower() in {"yes", "true", "on"}
        case "int" | "float" if ":" in text:
            return text
        case "int" | "float" as kind:
            return _parse_number(kind, text)
        case _:
            shown = tag.replace(STANDARD_TAG, "!!")
            raise ValueError(f"has the tag {shown}, which is not supported")


def _parse_number(kind: str, text: str) -> int | float:
    plain = text.replace("_", "")
    try:
        if kind == "int":
            return _parse_integer(plain)
        number = float(plain)
    except ValueError:
        number = math.nan  # `.nan`, `.inf`, an explicit tag on a word, or too many digits
    if not math.isfinite(number):
        shown = text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"
        raise ValueError(f"has {shown}, which is no number that JSON knows")
    return number


def _parse_integer(text: str) -> int:
    sign = -1 if text.startswith("-") else 1
    digits = text.lstrip("+-")
    if digits.startswith(("0b", "0x")):
        return sign * int(digits, 0)
    is_octal = len(digits) > 1 and digits.startswith("0")
    return sign * int(digits, 8 if is_octal else 10)

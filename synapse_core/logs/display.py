"""Untrusted text made safe to show: what acts on a terminal or deceives a reader is taken out."""

import re

__all__ = ["neutralise"]

# A payload ends at the next control character, so that a sequence left open swallows no more of the
# text than a terminal would show otherwise. Source: ECMA-48, sections 5.4 and 5.6.
_SEQUENCE = re.compile(
    r"""
      (?: \x1b\[ | \x9b ) [0-?]*+ [\ -/]*+ [@-~]                                  # colours, cursor
    | (?: \x1b[\]PX^_] | [\x90\x98\x9d-\x9f] ) [^\x00-\x1f\x7f-\x9f]*+ (?: \x07 | \x1b\\ | \x9c )
    | \x1b [\ -/]*+ [0-~]                                                         # all the others
    """,
    re.VERBOSE,
)

_ACTING = re.compile(
    r"[\x00-\x08\x0a-\x1f\x7f-\x9f"  # controls but the tab
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # turn the direction of writing
    r"\u2028\u2029"  # end a line
    r"\ud800-\udfff]"  # halves of a pair, which no encoding can write
)

_SHAPELESS = re.compile(
    r"[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2060-\u2065\u206a-\u206f\u3164\ufeff"
    r"\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)

_OUT_OF_PLACE = re.compile(
    r"(?<=[\ufe00-\ufe0f])[\ufe00-\ufe0f]+"  # one chooses a glyph; more of them carry a message
    r"|(?<![^\x00-\x7f])[\u200c\u200d]+|[\u200c\u200d]+(?![^\x00-\x7f])"  # join nothing
    r"|(?<=[\u200c\u200d])[\u200c\u200d]+"
)


def neutralise(text: str) -> str:
    r"""Return one line of untrusted text so that showing it does nothing but show it.

    Terminal sequences (colours, titles, links, cursor moves) and characters without any shape are
    dropped. Control characters, line ends among them, those that turn the direction of writing, and
    lone surrogates are shown as escapes (`\x07`, `\u202e`). Tabs stay. The result can be encoded,
    and neutralising it again changes nothing.
    """
    if text.isprintable() and (text.isascii() or not _hides_something(text)):
        return text
    # First what stands between the parts of a sequence unseen, then the sequences.
    visible = _SEQUENCE.sub("", _SHAPELESS.sub("", text))
    return _OUT_OF_PLACE.sub("", _ACTING.sub(_escape, visible))


def _hides_something(text: str) -> bool:
    return _SHAPELESS.search(text) is not None or _OUT_OF_PLACE.search(text) is not None


def _escape(found: re.Match[str]) -> str:
    return _NAMED.get(found[0]) or ascii(found[0])[1:-1]


_NAMED = {"\n": r"\n", "\r": r"\r"}

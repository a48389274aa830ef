"""Secrets that are known by their shape: keys of well-known services, headers, URLs."""

import binascii
import re
from base64 import b64decode
from collections.abc import Callable
from functools import cached_property

__all__ = ["REDACTED", "hide_key_line", "hide_marked_shapes", "hide_shapes"]

REDACTED = "[redacted]"

_START = r"(?<![A-Za-z0-9])"
_END = r"(?![A-Za-z0-9])"

_LONG = 20
"""Most kinds of secrets are at least so long. Names and short sentences are not, and are looked
through for the few other kinds only."""


class _Shape:
    """What a kind of secret looks like.

    Args:
        pattern: Finds it; compiled when the first text holds the mark.
        keep: What stays of a match: a template, or what makes it.
        shortest: How few characters a text can have that holds one.
    """

    def __init__(
        self,
        pattern: str,
        keep: str | Callable[[re.Match[str]], str] = REDACTED,
        *,
        shortest: int = _LONG,
    ) -> None:
        self.shortest = shortest
        self._pattern = pattern
        self._keep = keep

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self._pattern)

    def hide(self, text: str) -> str:
        hidden = self._compiled.sub(self._keep, text)
        return text if hidden == text else hidden


def _hide_user_and_password(found: re.Match[str]) -> str:
    """Hide what follows "Basic" if it is what a header has there, and no word."""
    try:
        is_pair = b":" in b64decode(found[2])
    except binascii.Error:
        is_pair = False
    return f"{found[1]}{REDACTED}" if is_pair else found[0]


def _prefixed(prefix: str, rest: str, *, shortest: int = _LONG) -> _Shape:
    return _Shape(_START + prefix + rest, shortest=shortest)


_AWS_ID = _Shape(_START + r"(?:AKIA|ASIA|AROA|AIDA|ABIA|ACCA)[0-9A-Z]{16}" + _END)
_GITHUB = _prefixed("gh[pousr]_", r"[A-Za-z0-9]{20,}+")
_GITLAB = _prefixed("gl(?:pat|dt|rt|rtr|cbt|ptt|ft|ffct|imt|agent|soat|oas|wt)-", r"[\w.-]{20,}+")
_SLACK = _prefixed(r"(?:xox[a-z](?:\.xox[a-z])?|xapp)-", r"[\w-]{10,}+", shortest=15)
_STRIPE = _prefixed("[srp]k_(?:live|test|prod)_", r"[A-Za-z0-9]{10,}+", shortest=18)
_WORDLIKE = r"[\w-]{16,}+"
_PRIVATE_KEY = _Shape(
    # The body ends where a quote or a brace does not belong into it, when its last line is missing.
    r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
    r"(?:[^\"'{}<>-]|-(?!----))*+"
    r"(?:-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----)?"
)
_BEARER = _Shape(
    # The lookahead wants a digit, a capital or a sign, so that "the bearer understands" stays.
    r"((?i:\bbearer)\s+)(?=[A-Za-z._~+/-]*[0-9A-Z=_])(?=\S{12})[A-Za-z0-9._~+/-]++=*",
    rf"\1{REDACTED}",
    shortest=19,
)
_BASIC = _Shape(
    r"((?i:\bbasic)\s+)([A-Za-z0-9+/]{8,}+={0,2})", _hide_user_and_password, shortest=14
)
_URL_PASSWORD = _Shape(
    # A port is no password, even where an @ follows in the path.
    r"(://[^\s/:@\[\]\"'<>\\]*+:)(?!\d{1,5}(?:[/?#\s]|\Z))"
    r"(?:[^\s\"'<>\\/]+|[^\s\"'<>\\]+?)@",
    rf"\1{REDACTED}@",
    shortest=6,
)
_URL_TOKEN = _Shape(r"(://)[A-Za-z0-9_-]{20,}+@", rf"\1{REDACTED}@")
_SIGNATURE = _Shape(
    r"((?i:[?&;](?:sig|signature|x-amz-signature|x-goog-signature)=))"
    r"[^&\s\"'<>\\]{8,}+",
    rf"\1{REDACTED}",
    shortest=13,
)
_CURL_USER = _Shape(
    r"(\s(?:-u|-U|--user|--proxy-user)[ =]?[\"']?(?!\d+:\d+(?:\s|\Z))[^\s:\"']++:)[^\s\"'\\]++",
    rf"\1{REDACTED}",
    shortest=6,
)
_NETRC = _Shape(r"(\blogin\s+\S+\s+password\s+)[^\s\"'\\]++", rf"\1{REDACTED}", shortest=18)
_SQL = _Shape(
    r"((?i:\b(?:identified\s+by|password)\s+))(\\*['\"])(?:(?!\2).)+\2",
    rf"\1\2{REDACTED}\2",
    shortest=12,
)


_FAMILIES: tuple[tuple[str, tuple[tuple[str, _Shape], ...]], ...] = (
    (
        "A",
        (
            ("AKIA", _AWS_ID),
            ("ASIA", _AWS_ID),
            ("AROA", _AWS_ID),
            ("ABSK", _prefixed("ABSK", r"[A-Za-z0-9+/]{40,}+=*")),
            ("AIza", _prefixed("AIza", r"[\w-]{30,}+")),
        ),
    ),
    (
        "",
        (
            ("eyJ", _prefixed("eyJ", r"[\w-]{8,}+(?:\.[\w-]*+){1,4}", shortest=12)),
            ("dapi", _prefixed("dapi", r"[0-9a-f]{32}(?:-\d+)?")),
        ),
    ),
    ("A", (("EAA", _prefixed("EAA", r"[A-Za-z0-9_-]{50,}+")),)),
    ("~", (("Q~", _Shape(_START + r"[\w.~-]{3}\dQ~[\w.~-]{31,34}")),)),  # Entra ID
    (
        "A",
        ((":AA", _Shape(r"(?<![0-9])\d{8,10}:AA[\w-]{32,35}" + _END)),),  # Telegram
    ),
    (
        "://",
        (
            ("@", _URL_PASSWORD),
            ("@", _URL_TOKEN),
            (
                "hooks.slack.com/",
                _Shape(
                    r"(hooks\.slack\.com/(?:services|workflows|triggers)/)[\w/+-]{16,}+",
                    rf"\1{REDACTED}",
                ),
            ),
            (
                "/api/webhooks/",
                _Shape(r"(/api/webhooks/\d+/)[\w-]{20,}+", rf"\1{REDACTED}"),
            ),
            (".webhook.office.com/", _Shape(r"(\.webhook\.office\.com/)\S+", rf"\1{REDACTED}")),
        ),
    ),
    (
        "_",
        (
            ("ghp_", _GITHUB),
            ("gho_", _GITHUB),
            ("ghu_", _GITHUB),
            ("ghs_", _GITHUB),
            ("ghr_", _GITHUB),
            ("github_pat_", _prefixed("github_pat_", r"[A-Za-z0-9_]{20,}+")),
            ("k_live_", _STRIPE),
            ("k_test_", _STRIPE),
            ("k_prod_", _STRIPE),
            ("whsec_", _prefixed("whsec_", r"[A-Za-z0-9+/]{16,}+=*")),
            ("hf_", _prefixed("hf_", r"[A-Za-z0-9]{20,}+")),
            ("npm_", _prefixed("npm_", r"[A-Za-z0-9]{30,}+")),
            ("gsk_", _prefixed("gsk_", r"[A-Za-z0-9]{20,}+")),
            ("r8_", _prefixed("r8_", r"[A-Za-z0-9]{30,}+")),
            ("ntn_", _prefixed("ntn_", r"[A-Za-z0-9]{30,}+")),
            ("secret_", _prefixed("secret_", r"[A-Za-z0-9]{40,}+")),
            ("pcsk_", _prefixed("pcsk_", r"\w{20,}+")),
            ("lsv2_", _prefixed("lsv2_[ps][tk]_", r"\w{20,}+")),
            ("sb_secret_", _prefixed("sb_secret_", _WORDLIKE)),
            ("sbp_", _prefixed("sbp_", r"[0-9a-f]{30,}+")),
            ("dckr_", _prefixed("dckr_[a-z]+_", _WORDLIKE)),
            ("glsa_", _prefixed("glsa_", r"\w{30,}+")),
            ("glc_", _prefixed("glc_", r"[A-Za-z0-9+/]{30,}+=*")),
            ("shp", _prefixed("shp(?:at|ca|pa|ss)_", r"[0-9a-fA-F]{32}")),
            ("dop_v1_", _prefixed("do[opr]_v1_", r"[0-9a-f]{40,}+")),
            ("doo_v1_", _prefixed("do[opr]_v1_", r"[0-9a-f]{40,}+")),
            ("lin_api_", _prefixed("lin_api_", r"[A-Za-z0-9]{30,}+")),
            ("figd_", _prefixed("figd_", r"[\w-]{30,}+")),
            ("nfp_", _prefixed("nfp_", r"[A-Za-z0-9]{30,}+")),
            ("rubygems_", _prefixed("rubygems_", r"[0-9a-f]{40,}+")),
            ("pscale_", _prefixed(r"pscale_(?:tkn|pw|oauth)_", r"[\w.=-]{30,}+")),
            ("sntry", _prefixed("sntry[su]_", r"[A-Za-z0-9+/=_-]{30,}+")),
            ("fm2_", _prefixed("fm2_", r"[A-Za-z0-9+/=,_]{40,}+")),
        ),
    ),
    (
        "-",
        (
            ("PRIVATE KEY", _PRIVATE_KEY),
            ("sk-", _prefixed("sk-", r"(?=[\w-]*?[A-Za-z0-9]{16})(?=[\w-]*\d)[\w-]{20,}+")),
            ("xox", _SLACK),
            ("xapp-", _SLACK),
            ("gl", _GITLAB),
            ("pypi-", _prefixed("pypi-", r"[\w-]{40,}+")),
            ("GOCSPX-", _prefixed("GOCSPX-", r"[\w-]{20,}+")),
            ("nvapi-", _prefixed("nvapi-", r"[\w-]{40,}+")),
            ("xai-", _prefixed("xai-", r"[A-Za-z0-9]{40,}+")),
            ("pplx-", _prefixed("pplx-", r"[A-Za-z0-9]{30,}+")),
            ("tvly-", _prefixed("tvly-", r"[\w-]{16,}+")),
            ("PMAK-", _prefixed("PMAK-", r"[0-9a-f]{20,}+-[0-9a-f]{30,}+")),
            ("NRAK-", _prefixed("NRAK-", r"[A-Z0-9]{20,}+")),
            ("pul-", _prefixed("pul-", r"[0-9a-f]{40}")),
            ("sq0", _prefixed("sq0[a-z]{3}-", r"[\w-]{20,}+")),
            ("AGE-SECRET-KEY-", _prefixed("AGE-SECRET-KEY-1", r"[A-Z0-9]{50,}+")),
            ("key-", _prefixed("key-", r"[0-9a-f]{32}" + _END)),  # Mailgun
            ("-us", _Shape(_START + r"[0-9a-f]{32}-us\d{1,2}" + _END)),  # Mailchimp
        ),
    ),
    (
        ".",
        (
            ("ya29.", _prefixed(r"ya29\.", r"[\w-]{20,}+")),
            ("SG.", _prefixed(r"SG\.", r"[\w-]{16,}+\.[\w-]{16,}+")),
            ("hvs.", _prefixed(r"hv[sbr]\.", r"[\w-]{20,}+")),
            ("hvb.", _prefixed(r"hv[sbr]\.", r"[\w-]{20,}+")),
            ("dp.", _prefixed(r"dp\.[a-z]{2,7}\.", r"[\w.-]{30,}+")),
            (".atlasv1.", _Shape(_START + r"[A-Za-z0-9]{14}\.atlasv1\.[\w=-]{50,}+")),
            ("sl.", _prefixed(r"sl\.", r"[\w-]{60,}+")),
        ),
    ),
    ("A", (("ATATT", _prefixed("ATATT", r"[\w=-]{30,}+")),)),
    (
        "=",
        (
            ("sig=", _SIGNATURE),
            ("ignature=", _SIGNATURE),
        ),
    ),
    (" ", (("earer ", _BEARER), ("asic ", _BASIC))),
    ("E", (("BEARER ", _BEARER),)),
    (" ", (("curl", _CURL_USER), ("login", _NETRC), ("dentified", _SQL))),
    ("E", (("DENTIFIED", _SQL),)),
    ("PASSWORD", (("PASSWORD", _SQL),)),
    ("'", (("password '", _SQL),)),
)
"""In the order they are tried: what marks share, and below it each mark with the shape it tells."""

_Marks = tuple[tuple[str, tuple[str, ...]], ...]
"""Marks below what they share."""


def _marks_within(size: int) -> _Marks:
    """Return the marks of all that a text of so many characters can hold."""
    marks: dict[str, list[str]] = {}
    for shared, members in _FAMILIES:
        told = [mark for mark, shape in members if shape.shortest <= size]
        if told:
            marks.setdefault(shared, []).extend(told)
    return tuple((shared, tuple(dict.fromkeys(told))) for shared, told in marks.items())


_ALL_MARKS = _marks_within(_LONG)
_MARKS_BY_SIZE = {size: _marks_within(size) for size in range(_LONG)}


def hide_shapes(text: str) -> str:
    """Replace what has the shape of a secret; the same object comes back when there is none.

    Looking for a mark costs next to nothing, and what holds none is left alone.
    """
    for shared, marks in _MARKS_BY_SIZE.get(len(text), _ALL_MARKS):
        if shared in text:
            for mark in marks:
                if mark in text:
                    return hide_marked_shapes(text)
    return text


def hide_marked_shapes(text: str) -> str:
    """Do the same for a text that may hold a mark: try each pattern whose mark stands in it."""
    for shared, members in _FAMILIES:
        if shared in text:
            for mark, shape in members:
                if mark in text:
                    text = shape.hide(text)
    return text


_KEY_LINE = re.compile(
    r"\s*(?=[^\s]*\d)(?=[^\s]*[A-Z])(?=[^\s]*[a-z])[A-Za-z0-9+/]{60,76}={0,2}\s*"
)
_KEY_LINE_CHARS = range(60, 84)


def hide_key_line(text: str) -> str:
    """Replace a text that is nothing but one line of a private key, which comes line by line."""
    if len(text) in _KEY_LINE_CHARS and _KEY_LINE.fullmatch(text):
        return REDACTED
    return text

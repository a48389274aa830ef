"""The forms in which a known secret may turn up in text."""

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

__all__ = ["MIN_SECRET_CHARS", "forms_of"]

MIN_SECRET_CHARS = 6
"""A shorter text turns up by chance; hiding it everywhere would garble what is harmless."""

_MIN_LINE_CHARS = 16
"""A line of a longer secret, a key file above all, is looked for on its own if this long."""

_MIN_BASE64_CHARS = 8


def forms_of(secret: str) -> set[str]:
    """Return the secret and what it becomes in URLs, JSON, HTML, Python, hexadecimal and base64."""
    whole = secret.strip()
    parts = [whole]
    if "\n" in whole:
        lines = [line.strip() for line in whole.splitlines()]
        parts += [ln for ln in lines if len(ln) >= _MIN_LINE_CHARS and not ln.startswith("-----")]
    return {
        form for part in parts if len(part) >= MIN_SECRET_CHARS for form in _spellings(part) if form
    }


def _spellings(secret: str) -> Iterator[str]:
    yield secret
    data = secret.encode("utf-8", "surrogateescape")
    for encoded in (quote(data, safe=""), quote(data), quote_plus(data)):
        yield encoded
        yield _lower_escapes(encoded)
    for ensure_ascii in (True, False):
        once = json.dumps(secret, ensure_ascii=ensure_ascii)[1:-1]
        yield once
        yield json.dumps(once, ensure_ascii=ensure_ascii)[1:-1]
    yield repr(secret)[1:-1]
    yield secret.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    yield data.hex()
    yield data.hex().upper()
    yield from _within_base64(data)


def _lower_escapes(encoded: str) -> str:
    head, *tails = encoded.split("%")
    return head + "".join(f"%{tail[:2].lower()}{tail[2:]}" for tail in tails)


def _within_base64(data: bytes) -> Iterator[str]:
    """Yield what stays the same whatever stands around the secret: each of three alignments."""
    for before in range(3):
        # A character holds six bits: those that share some with a neighbour are left out.
        first = -(-before * 8 // 6)
        last = (before + len(data)) * 8 // 6
        if last - first < _MIN_BASE64_CHARS:
            continue
        padded = bytes(before) + data
        yield b64encode(padded)[first:last].decode("ascii")
        yield urlsafe_b64encode(padded)[first:last].decode("ascii")

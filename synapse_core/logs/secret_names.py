"""Tells from a name whether what it names is a secret."""

import re
from functools import lru_cache

__all__ = ["hides_numbers", "is_secret_name"]

_BETWEEN_WORDS = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_ENDING = re.compile(r"(?:password|passwd|passphrase|secret)s?\Z")
"""Also at the end of a joined word: `PGPASSWORD`, `clientsecret`."""

_SECRET_WORDS = _set(
    "authorization bearer connectionstring cookie cookies credential credentials csrf dsn jwt "
    "masterauth otp passcode requirepass totp xsrf"
)

_JOINED = re.compile(
    r"(?:access|account|api|auth|encryption|master|private|secret|signing)keys?\Z"
    r"|(?:access|api|auth|bearer|bot|id|refresh|session)tokens?\Z"
)

_BEFORE = {
    "key": _set(
        "access account admin anon api app application auth client consumer deploy deployment "
        "encryption hmac license master private secret security service session shared signing ssh "
        "storage subscription write"
    ),
    "pass": _set(
        "account admin basic database db email ftp http keystore login mail mongo mysql pg "
        "postgres proxy redis root sftp smtp ssh user"
    ),
    "pat": _set("ado azure gh github gitlab gl"),
    "str": _set("conn connection"),
    "string": _set("conn connection"),
}
"""`api_key` opens something, `primary_key` and `cache_key` do not."""

_TOKENS_OF = _set(
    "average bos cls decoder each end eos every first image input last mask max mean min n next "
    "num output pad per prompt sep special start stop text top unk"
)
"""Before `token`: units of text in a model, not permissions."""

_HARMLESS_END = _set(
    "age class column count dir directory enabled endpoint env expires expiry field file filename "
    "folder format index kind len length limit location manager max min mode name names path paths "
    "pattern policy prefix provider region required rotation scope scopes source status store "
    "timeout ttl type uri url var variable version"
)
"""`secret_name` and `token_file` tell where the secret is, not what it is."""

_FORM_OF_SECRET = _set("b64 base64 header plain plaintext raw value")
_NEVER_NUMBERS = _set("auth key keys token tokens")


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Whether a value of this name is a secret: `api_key`, `apiKey` and `X-API-Key` alike."""
    words = _words(name)
    if not words or words[-1] in _HARMLESS_END or words[-2:] == ["application", "credentials"]:
        return False
    if any(word in _SECRET_WORDS or _ENDING.search(word) for word in words):
        return True
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    match last:
        case "token":
            return before not in _TOKENS_OF
        case "pwd":
            return before != ""  # alone it is the current folder
        case "auth":
            return True
        case _:
            known = _BEFORE.get("key" if last == "keys" else last, frozenset[str]())
            return before in known or _JOINED.match(last) is not None


@lru_cache(maxsize=4096)
def hides_numbers(name: str) -> bool:
    """Whether also a number of this name is a secret: a PIN may be one, a token id is not."""
    return _NEVER_NUMBERS.isdisjoint(_words(name)[-1:])


def _words(name: str) -> list[str]:
    words = [word.lower() for word in _BETWEEN_WORDS.split(name) if word]
    words = [stripped for word in words if (stripped := word.rstrip("0123456789"))] or words
    while len(words) > 1 and words[-1] in _FORM_OF_SECRET:
        words.pop()
    return words

"""Who may do what: tokens and what each of them opens."""

import hashlib
from collections.abc import Iterable
from enum import StrEnum

from synapse_core.config.listening import check_token
from synapse_core.errors import ConfigError

__all__ = ["Scope", "Tokens"]


class Scope(StrEnum):
    """What a token opens; each includes those before it."""

    READ = "read"
    """See runs, logs, files and figures; variables of runs are hidden."""
    RUN = "run"
    """Start and stop runs, and work on them as a worker does."""
    ADMIN = "admin"
    """Remove runs."""

    def includes(self, other: "Scope") -> bool:
        """Whether a token of this scope may do what `other` asks for."""
        return _ORDER.index(self) >= _ORDER.index(other)


_ORDER = tuple(Scope)


class Tokens:
    """The tokens that open a service. Kept as digests, so that looking one up tells no time.

    Args:
        pairs: Each token with its scope.
    """

    def __init__(self, pairs: Iterable[tuple[str, Scope]]) -> None:
        self._scopes = {_digest(token): scope for token, scope in pairs}

    @classmethod
    def parse(cls, text: str, where: str) -> "Tokens":
        """Read lines of the form `TOKEN` or `SCOPE TOKEN`; empty ones and `#` comments are none.

        Raises:
            ConfigError: A line is none, a scope is unknown, or a token is too short.
        """
        pairs: list[tuple[str, Scope]] = []
        for number, line in enumerate(text.splitlines(), 1):
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            place = f"{where}, line {number}"
            if len(words) > 2 or (len(words) == 2 and words[0] not in _ORDER):  # noqa: PLR2004 - scope, token
                raise ConfigError(
                    f"{place} is no token.",
                    hint=f"Write `SCOPE TOKEN`; scopes are {', '.join(_ORDER)}.",
                )
            scope = Scope(words[0]) if len(words) > 1 else Scope.ADMIN
            pairs.append((check_token(words[-1], place), scope))
        if not pairs:
            raise ConfigError(f"{where} holds no token.", hint="Write one, at least.")
        return cls(pairs)

    def find(self, token: str) -> tuple[Scope, str] | None:
        """Return the scope of the token and a name to count its requests by; None for no token."""
        digest = _digest(token)
        scope = self._scopes.get(digest)
        return None if scope is None else (scope, digest)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()

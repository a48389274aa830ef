"""How much a service lets one client do."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Limits", "Meter"]

_MAX_KNOWN = 4096
"""Clients remembered; the one that was quiet for longest is forgotten for a new one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a service allows.

    Attributes:
        requests_per_s: Requests of one token per second, over any longer time.
        burst: Requests of one token at once.
        wrong_tokens_per_s: Requests without a good token, of one address per second.
        wrong_tokens_burst: The same at once.
        max_body_bytes: Size of a request.
        max_followers: Event streams open at once.
        heartbeat_s: Seconds after which a silent stream says that it is there.
        send_timeout_s: Seconds that a follower may take to read what it was sent.
    """

    requests_per_s: float = 500.0
    burst: int = 2000
    wrong_tokens_per_s: float = 1.0
    wrong_tokens_burst: int = 20
    max_body_bytes: int = 32 << 20
    max_followers: int = 4000
    heartbeat_s: float = 15.0
    send_timeout_s: float = 60.0


class Meter:
    """Counts what each client does; it is allowed `burst` at once and `per_s` in the long run.

    Args:
        per_s: How often per second.
        burst: How often at once.
        clock: Tells seconds that never go back.
    """

    def __init__(
        self, per_s: float, burst: int, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_s = per_s
        self._burst = burst
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> float:
        """Count one for the client; return the seconds to wait before it is allowed, 0 for none."""
        wait_s, left, now = self._look(client)
        if wait_s > 0:
            return wait_s
        self._left[client] = (left - 1, now)
        self._left.move_to_end(client)
        if len(self._left) > _MAX_KNOWN:
            self._left.popitem(last=False)
        return 0.0

    def wait_s(self, client: str) -> float:
        """Return the seconds to wait before the client is allowed one more, without counting."""
        return self._look(client)[0]

    def _look(self, client: str) -> tuple[float, float, float]:
        now = self._clock()
        left, then = self._left.get(client, (float(self._burst), now))
        left = min(self._burst, left + (now - then) * self._per_s)
        if left >= 1:
            return 0.0, left, now
        return ((1 - left) / self._per_s if self._per_s else math.inf), left, now

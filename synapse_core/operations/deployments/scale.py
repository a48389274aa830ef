"""How many processes answer for a deployment."""

from dataclasses import dataclass
from typing import Protocol

from synapse_core.errors import InvalidInputError

__all__ = ["Scale", "SettledScale"]

MAX_REPLICAS = 1000
MAX_REQUESTS = 100_000


class _Known(Protocol):
    """How many it was before, or the action says."""

    @property
    def replicas(self) -> int: ...
    @property
    def max_replicas(self) -> int | None: ...
    @property
    def target_requests(self) -> float: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledScale:
    """How many processes answer.

    Attributes:
        replicas: Their number, or the fewest of them.
        max_replicas: The most of them, between which their number follows the requests; 0 when it
            is fixed.
        target_requests: Requests at a time that each should have, where it follows.
    """

    replicas: int
    max_replicas: int
    target_requests: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How many processes are wanted; None leaves as it is what was said before.

    Attributes:
        replicas: Their number, or the fewest of them.
        max_replicas: The most of them. Given `replicas` alone, the number is fixed.
        target_requests: Requests at a time that each should have.
    """

    replicas: int | None = None
    max_replicas: int | None = None
    target_requests: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether it says nothing."""
        return self.replicas is self.max_replicas is self.target_requests is None

    def over(self, known: _Known) -> SettledScale:
        """Return what is wanted where so much is known.

        Raises:
            InvalidInputError: There cannot be so many.
        """
        fewest = known.replicas if self.replicas is None else self.replicas
        most = self.max_replicas
        if most is None:
            most = (known.max_replicas or 0) if self.replicas is None else 0
        target = known.target_requests if self.target_requests is None else self.target_requests
        for count in (fewest, most or fewest):
            if not 1 <= count <= MAX_REPLICAS:
                raise InvalidInputError(
                    f"{count} replicas cannot be.",
                    hint=f"Give 1 to {MAX_REPLICAS}; to have none, delete the deployment.",
                )
        if most and most < fewest:
            raise InvalidInputError(
                f"There cannot be {fewest} replicas at least, and {most} at most.",
                hint="Give more as the most, or fewer as the fewest.",
            )
        if not 0 < target <= MAX_REQUESTS:
            raise InvalidInputError(
                f"{target:g} requests for each replica cannot be.",
                hint=f"Give more than 0, and {MAX_REQUESTS} at most.",
            )
        return SettledScale(replicas=fewest, max_replicas=most, target_requests=target)

"""What whoever starts a cluster, or connects to one, may choose."""

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["ClusterOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterOptions:
    """The size of a cluster that is started here, and how long it stays.

    Attributes:
        cpus: CPU cores it offers; None for those of the machine.
        gpus: GPUs it offers; None for those that are found.
        custom: What else it claims to have, by names that runs ask for it by.
        idle_s: Seconds without a run or an order after which the driver leaves, and with it the
            cluster, if it was started here.
    """

    cpus: int | None = None
    gpus: int | None = None
    custom: Mapping[str, float] = field(default_factory=dict[str, float])
    idle_s: float = 900.0

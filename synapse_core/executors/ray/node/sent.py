"""What Ray brought to this machine: the plugin, in its object store."""

from collections.abc import Callable
from importlib import import_module
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO

from synapse_core.executors.ray.node.arrival import Arrival

if TYPE_CHECKING:
    from synapse_core.executors.ray.node.away_launch import Hold

__all__ = ["sent_by_ray"]


def sent_by_ray(package: list[Any]) -> "Callable[[Arrival], Hold]":
    """Return what gives the plugin of an order, fetched only where it is not there yet.

    Args:
        package: A reference to its archive, in a list, from which Ray takes none by itself.
    """

    def fetch() -> BinaryIO:
        return BytesIO(import_module("ray").get(package[0]))

    def hold(order: Arrival) -> "Hold":
        return lambda unpacked: unpacked.hold(order.digest, order.name, fetch)

    return hold

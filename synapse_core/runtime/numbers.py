"""Numbers of other libraries."""

from collections.abc import Callable

__all__ = ["plain_number"]


def plain_number(value: object) -> object:
    """Return the Python number that a value stands for; None when it stands for none.

    numpy and torch tell it by `item`, Decimal and Fraction by `__float__`.
    """
    if isinstance(value, int | float):
        return value
    convert: Callable[[], object] | None = getattr(value, "item", None)
    convert = convert or getattr(value, "__float__", None)
    try:
        return convert() if convert is not None else None
    except Exception:  # noqa: BLE001 - the code of any class may run here; an array of many raises
        return None

"""Commands about Ray clusters."""

__all__: list[str] = []

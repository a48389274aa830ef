"""Draws graphs of actions."""

__all__: list[str] = []

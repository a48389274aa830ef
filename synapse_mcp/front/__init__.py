"""Answers a client before the SDK is imported, from a record of what it would answer."""

__all__: list[str] = []

"""What runs and actors reserve here."""

SHARE = 0.1
"""Cores that each run and each bare actor reserves: so little that none waits for room."""

BIG_SHARE = 0.5
"""Cores that each of many runs reserves: so many that there are no more processes than cores."""

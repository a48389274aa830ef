"""What runs and actors reserve here."""

SHARE = 0.1
"""Cores that each run and each bare actor reserves: so little that none waits for room."""

WHOLE = 1.0
"""Cores that each of many runs reserves, as an action does that asks for nothing: there is one
process for each core."""

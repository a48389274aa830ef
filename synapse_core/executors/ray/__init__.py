"""Runs on Ray: as tasks that start isolated workers, in warm actors, and as jobs.

Ray itself is imported by the driver process and by what it starts, never by a door.
"""

__all__: list[str] = []

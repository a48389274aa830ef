"""The store of runs, their journals, and what wakes their followers."""

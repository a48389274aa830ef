"""The processes that execute one run."""

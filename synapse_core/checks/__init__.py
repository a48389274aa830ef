"""Looks for faults in a plugin before it runs."""

"""Bases for actions of one kind of work."""

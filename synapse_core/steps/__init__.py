"""Ordered parts of an action, with rollback."""

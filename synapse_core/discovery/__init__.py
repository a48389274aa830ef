"""Finds actions: declared, in source without importing, and by importing."""

"""Writes plugins and actions from templates."""

"""Pipelines: start, resume, watch and describe them."""

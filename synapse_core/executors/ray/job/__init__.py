"""Runs as jobs of a cluster, by its Jobs API."""

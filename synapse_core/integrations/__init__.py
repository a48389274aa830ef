"""Lets frameworks report to a run by themselves."""

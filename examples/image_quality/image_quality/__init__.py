"""Audits folders of images with the standard library alone."""

"""Clients of services over HTTP, for programs with and without an event loop."""

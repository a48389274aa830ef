"""Deployments: make, look at, change and end them."""

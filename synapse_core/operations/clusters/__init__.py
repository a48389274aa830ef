"""Ray clusters: start, look at and stop them."""

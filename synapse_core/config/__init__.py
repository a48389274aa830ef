"""Where Synapse keeps things and how it is configured; the only reader of settings."""

"""All that an action may touch while it runs."""

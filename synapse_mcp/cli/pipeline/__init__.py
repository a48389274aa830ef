"""`synapse pipeline …`."""

"""What doors, driver and nodes know of a cluster."""

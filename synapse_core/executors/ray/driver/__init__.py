"""The one process that holds the connection to a cluster."""

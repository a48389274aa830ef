"""Actions that answer requests: what is deployed, the process that answers, and its log."""

"""Where runs are placed."""

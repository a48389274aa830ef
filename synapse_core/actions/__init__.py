"""The typed unit of work, as a class or a function."""

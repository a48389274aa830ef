"""The version of this installation."""

__all__ = ["__version__"]

__version__ = "0.1.0"

"""Write typed Python actions, run them anywhere, watch them, and ship them."""

__version__ = "0.1.0"

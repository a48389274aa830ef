"""The libraries a plugin asks for, and the virtual environments that hold them."""

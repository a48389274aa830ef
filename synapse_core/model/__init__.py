"""The data every floor speaks: frozen, without I/O."""

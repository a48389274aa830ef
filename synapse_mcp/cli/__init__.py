"""The command line `synapse`."""

"""The doors of Synapse: the MCP server and the command line."""

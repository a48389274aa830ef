"""Commands about the MCP server and its clients."""

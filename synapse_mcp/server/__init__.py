"""The MCP server: assembled from tools, resources and prompts, and served over stdio."""

"""The plugin folder and its config.yaml."""

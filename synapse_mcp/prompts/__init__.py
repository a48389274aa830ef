"""Prompts, written as Markdown files with front matter."""

"""Definitions and sample texts of every tool, compared with `golden.json`.

    .venv/bin/python tests/mcp/golden.py --write

writes the file anew: look at its diff as at that of a page which every model reads.
"""

from pathlib import Path

FILE = Path(__file__).with_name("golden.json")

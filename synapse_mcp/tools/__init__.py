"""The tools, grouped as one thinks of them; `catalog` lists them all."""

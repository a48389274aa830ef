"""The plugins here are made broken and checked by tests/checks; their own tests are not ours."""

collect_ignore = ["base"]

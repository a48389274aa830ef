"""docs/config-reference.md says what the model of the manifest says."""

from pathlib import Path

import yaml

from synapse_core.plugins.parsing import parse_manifest
from tests.plugins.reference import HEAD, PAGE, render_page


def test_the_page_is_what_the_model_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == render_page(), (
        "write it anew: python -m tests.plugins.reference"
    )


def test_its_example_is_a_manifest() -> None:
    text = HEAD.partition("```yaml\n")[2].partition("```")[0]

    manifest = parse_manifest(text, Path("my_plugin"))

    assert set(yaml.safe_load(text)) == manifest.model_fields_set

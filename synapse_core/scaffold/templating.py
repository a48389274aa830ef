"""Renders the templates, with every text quoted for the language it is put into."""

import json
import re
import textwrap
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["TEMPLATES", "render"]

TEMPLATES = Path(__file__).with_name("templates")
"""A folder for each category, and those that all share."""

_COLUMNS = 100

_PLAIN_YAML = re.compile(r"[A-Za-z](?:(?:[\w .,;()/+-]|:(?=\w))*[\w.)])?")
_YAML_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def render(template: str, values: dict[str, object]) -> str:
    """Return the text of a template.

    Args:
        template: Its path below the folder of templates.
        values: What the template may use; it fails when it uses anything else.
    """
    return _open_environment().get_template(template).render(values)


@cache
def _open_environment() -> "Environment":
    # 40 ms to import, and only writing a plugin needs it.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 (see above)

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 no HTML: each language has a filter of its own
    )
    environment.filters |= {
        "yaml": quote_yaml,
        "toml": quote_toml,
        "docstring": quote_docstring,
        "markdown": quote_markdown,
    }
    return environment


def quote_yaml(text: str) -> str:
    """Return a line of text as a YAML scalar, without quotes where none are needed."""
    if _PLAIN_YAML.fullmatch(text) and text.lower() not in _YAML_WORDS:
        return text
    return json.dumps(text, ensure_ascii=False)


def quote_toml(text: str) -> str:
    """Return a line of text as a TOML string."""
    return json.dumps(text, ensure_ascii=False)


def quote_docstring(text: str, indent: int = 0) -> str:
    """Return a line of text as a sentence that can stand in a docstring and end it."""
    sentence = text.replace("\\", "/").replace('"', "'")
    if not sentence.endswith((".", "!", "?", "…")):
        sentence += "."
    return f"\n{' ' * indent}".join(textwrap.wrap(sentence, _COLUMNS - indent - len('""""""')))


def quote_markdown(text: str) -> str:
    """Return a line of text that Markdown shows as it is."""
    return re.sub(r"([\\`*_<>\[\]|#])", r"\\\1", text)

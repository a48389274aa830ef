"""Writes the reference of all commands in docs/cli.md from the commands themselves.

After a change of commands or options: python -m tests.cli.reference
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from synapse_mcp.cli.lazy import build_root
from synapse_mcp.cli.tree import every_command

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
BEGIN = "<!-- commands: python -m tests.cli.reference -->\n"


def render_page(page: str) -> str:
    """Return the page with its reference as it should be."""
    words, _, _ = page.partition(BEGIN)
    return words + BEGIN + "\n" + "\n".join(_commands()) + "\n"


def load_command(words: tuple[str, ...]) -> tuple[Any, Any]:
    """Return the command, loaded, with a context to ask it in."""
    command: Any = build_root()
    context = command.make_context("synapse", [], resilient_parsing=True)
    for word in words:
        _, command, _ = command.resolve_command(context, [word])
        context = command.make_context(word, [], parent=context, resilient_parsing=True)
    return command, context


def _commands() -> Iterator[str]:
    for words, _ in every_command():
        command, context = load_command(words)
        yield f"### `synapse {' '.join(words)}`\n"
        yield f"{_text(command.help)}\n"
        rows = [record for param in command.params if (record := param.get_help_record(context))]
        if rows:
            yield "| | |\n|---|---|"
            for names, told in rows:
                yield f"| `{_cell(names)}` | {_cell(told)} |"
            yield ""


def _text(help_text: str) -> str:
    paragraphs = help_text.strip().split("\n\n")
    shown = [
        f"```sh\n{paragraph.removeprefix('Example: ')}\n```"
        if paragraph.startswith("Example: ")
        else paragraph
        for paragraph in paragraphs
    ]
    return "\n\n".join(shown)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


if __name__ == "__main__":
    PAGE.write_text(render_page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

"""Shows the talk of an agent and the server: in colour on a terminal, plain in a pipe."""

import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table

from synapse_core.types import JSONObject, JSONValue

__all__ = ["Screen"]

_PIPE_WIDTH = 100
_BAR_WIDTH = 28


class Screen:
    """Writes to stdout, one step after the other."""

    def __init__(self) -> None:
        is_terminal = sys.stdout.isatty()
        self._console = Console(
            highlight=False, width=None if is_terminal else _PIPE_WIDTH, soft_wrap=not is_terminal
        )
        self._step = 0
        self._started = time.monotonic()

    def step(self, title: str, why: str) -> None:
        """Begin a numbered step with what the agent wants."""
        self._step += 1
        self._console.print(f"\n[bold cyan]{self._step}. {escape(title)}[/]")
        self._console.print(f"   {escape(why)}")

    def call(self, tool: str, arguments: JSONObject) -> None:
        """Show the call that the agent makes."""
        words = json.dumps(arguments, ensure_ascii=False) if arguments else ""
        self._console.print(f"   [bold]→ {escape(tool)}[/] [dim]{escape(words)}[/]")

    def answer(self, text: str, *, is_bad: bool = False, most: int = 14) -> None:
        """Show the beginning of the text that the agent is given."""
        lines = text.splitlines()
        style = "red" if is_bad else "default"
        for line in lines[:most]:
            self._console.print(f"   [dim]│[/] [{style}]{escape(line)}[/]")
        if len(lines) > most:
            self._console.print(f"   [dim]│ … {len(lines) - most} more lines[/]")

    def progress(self, status: str, view: JSONObject, lines: Iterable[str]) -> None:
        """Show how a run comes along, and its new log lines."""
        for line in lines:
            self._console.print(f"   [dim]│ {escape(line)}[/]")
        percent = float(str(view.get("percent", 0)))
        words = [f"{percent:3.0f} %", f"{_count(view)} {view.get('category', '')}".strip()]
        eta = view.get("eta_s")
        if status != "succeeded" and isinstance(eta, int | float):
            words.append(f"{eta:.1f} s left")
        row = Table.grid(padding=(0, 1))
        bar = ProgressBar(total=100, completed=percent, width=_BAR_WIDTH)
        row.add_row("  ", bar, f"[bold]{escape(', '.join(words))}[/] [dim]{escape(status)}[/]")
        self._console.print(row)

    def note(self, text: str) -> None:
        """Say something about what was just seen."""
        self._console.print(f"   [green]✓[/] {escape(text)}")

    def end(self, report: Path, folder: Path) -> None:
        """Say what was proven and where the report lies."""
        took_s = time.monotonic() - self._started
        self._console.print(f"\n[bold green]All steps went as promised[/] in {took_s:.0f} s.")
        self._console.print(f"Look at the report:  {escape(report.as_uri())}")
        self._console.print(
            f"[dim]Everything the demo made is kept in {escape(str(folder))}; remove it when you "
            "have seen enough.[/]"
        )

    def fail(self, reason: str) -> None:
        """Say which promise was broken."""
        self._console.print(f"\n[bold red]Step {self._step} did not go as promised.[/]")
        self._console.print(escape(reason))


def _count(view: JSONObject) -> str:
    def number(value: JSONValue) -> str:
        return f"{value:g}" if isinstance(value, int | float) else "?"

    return f"{number(view.get('current'))} of {number(view.get('total'))}"

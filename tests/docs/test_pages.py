"""What the pages claim is true: samples run, data parses, links lead somewhere.

A page is worked through from top to bottom in a folder and a home of its own:

- A block whose first line is a comment with a path (`# my_plugin/config.yaml`) is written there,
  relative to the folder in which the page began.
- Other `python` blocks are run, each in a fresh interpreter.
- In ```` ```console run ```` blocks, each line after `$ ` that begins with `synapse` is run, and
  must succeed. Lines without `$` are what it prints: each one without `…` must be in its output.
- `json`, `toml` and `yaml` blocks must parse.
"""

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page
    for where in ("*.md", "docs/**/*.md", "design/**/*.md", "prompts/**/*.md")
    for page in ROOT.glob(where)
)
FENCE = re.compile(
    r"^(?P<mark>```+)(?P<info>[^\n`]*)\n(?P<body>.*?)^(?P=mark)[ ]*$", re.MULTILINE | re.DOTALL
)
FILE_NAME = re.compile(r"\A# (?P<path>[\w.-]+(?:/[\w.-]+)*\.\w+)\n")
LINK = re.compile(r"\[[^\]\n]*\]\((?P<target>[^)\s]+)\)")
HEADING = re.compile(r"^#+\s+(?P<text>.+?)\s*#*$", re.MULTILINE)
COMMAND_S = 50
NO_COMMENTS = {"csv", "text"}
"""Languages without comments: the line that names the file is none of its lines."""


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    is_run: bool
    body: str
    line: int


def blocks(text: str) -> Iterator[Block]:
    for found in FENCE.finditer(text):
        words = found["info"].split() or [""]
        line = text.count("\n", 0, found.start()) + 1
        yield Block(words[0], "run" in words[1:], found["body"], line)


def prose(text: str) -> str:
    """Return the text without its blocks and its `code`."""
    return re.sub(r"`[^`\n]*`", "", FENCE.sub("", text))


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Return an environment with a home of its own and the commands of this one."""
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "SYNAPSE_HOME": str(tmp_path / "home"),
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
    }


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_samples_of_a_page_work(page: Path, tmp_path: Path, environ: dict[str, str]) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    here = folder
    for block in blocks(page.read_text(encoding="utf-8")):
        where = f"{page.name}:{block.line}"
        named = FILE_NAME.match(block.body)
        if named and block.language != "console":
            file = folder / named["path"]
            file.parent.mkdir(parents=True, exist_ok=True)
            body = block.body
            if block.language in NO_COMMENTS:
                body = body.partition("\n")[2]
            file.write_text(body, encoding="utf-8")
        match block.language:
            case "python" if named:
                compile(block.body, where, "exec")
            case "python":
                run([sys.executable, "-c", block.body], folder, environ, where)
            case "console" if block.is_run:
                here = run_console(block, here, environ, where)
            case "json":
                json.loads(block.body)
            case "toml":
                tomllib.loads(block.body)
            case "yaml":
                list(yaml.safe_load_all(block.body))
            case _:
                pass


def run(command: list[str], folder: Path, environ: dict[str, str], where: str) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env=environ,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=COMMAND_S,
    )
    assert done.returncode == 0, f"{where}: {shlex.join(command)} failed\n{done.stdout}"
    return done.stdout


def run_console(block: Block, folder: Path, environ: dict[str, str], where: str) -> Path:
    """Run the commands of a block, and return the folder in which they end."""
    printed = ""
    for line in block.body.splitlines():
        if line.startswith("$ "):
            words = shlex.split(line[2:].replace("$PWD", shlex.quote(str(folder))))
            assert words[0] in {"synapse", "cd"}, f"{where}: only synapse is run, not {words[0]}"
            if words[0] == "cd":
                folder /= words[1]
            else:
                printed = run(words, folder, environ, where)
        elif line.strip() and "…" not in line:
            assert line.strip() in printed, f"{where}: {line.strip()!r} is not in\n{printed}"
    return folder


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    dead: list[str] = []
    for found in LINK.finditer(prose(page.read_text(encoding="utf-8"))):
        target = found["target"]
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
            dead.append(target)

    assert dead == []


def anchors(page: Path) -> set[str]:
    """Return the anchors that a page's headings get on the web."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    return {
        re.sub(r"[^\w\- ]", "", found["text"].lower()).strip().replace(" ", "-")
        for found in HEADING.finditer(text)
    }


def test_the_glossary_has_every_word_once() -> None:
    text = (ROOT / "GLOSSARY.md").read_text(encoding="utf-8")
    words = re.findall(r"^\| \*\*(.+?)\*\*", text, re.MULTILINE)

    assert len(words) > 30
    assert sorted(set(words), key=str.lower) == sorted(words, key=str.lower)

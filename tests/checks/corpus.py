"""The corpus of broken plugins: each is a few edits away from one that has nothing wrong."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

CORPUS = Path(__file__).parents[1] / "corpus" / "broken_plugins"


@dataclass(frozen=True)
class Case:
    """A broken plugin, and what must be found in it."""

    name: str
    edits: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    expect: list[str] = field(default_factory=list[str])
    runs: bool = True

    @property
    def codes(self) -> set[str]:
        """Codes of the findings it must get."""
        return {line.split()[1] for line in self.expect}

    def write(self, folder: Path) -> Path:
        """Write the plugin into a folder named as the base's package is, and return it."""
        target = folder / "shapes"
        shutil.copytree(CORPUS / "base", target, ignore=shutil.ignore_patterns("__pycache__"))
        for edit in self.edits:
            _apply(target, edit)
        return target


def load_cases() -> list[Case]:
    return [Case(**entry) for entry in yaml.safe_load((CORPUS / "cases.yaml").read_text("utf-8"))]


def _apply(folder: Path, edit: dict[str, Any]) -> None:
    file = folder / edit["file"]
    file.parent.mkdir(parents=True, exist_ok=True)
    match edit:
        case {"replace": old, "with": new}:
            text = file.read_text(encoding="utf-8")
            assert text.count(old) == 1, f"{edit['file']} has {text.count(old)} times {old!r}"
            file.write_text(text.replace(old, new), encoding="utf-8")
        case {"append": text}:
            with file.open("a", encoding="utf-8") as stream:
                stream.write(text)
        case {"write": str(text)}:
            file.write_text(text, encoding="utf-8")
        case {"write": bytes(content)}:
            file.write_bytes(content)
        case {"remove": True}:
            file.unlink()
        case {"grow": int(count)}:
            with file.open("a", encoding="utf-8") as stream:
                stream.write("#" * count)
        case {"link": target}:
            file.symlink_to(target)
        case _:
            raise AssertionError(edit)

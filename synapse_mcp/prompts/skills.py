"""Skills: instructions that an agent loads when it needs them (SEP-2640).

A skill is a folder below `prompts/skills/`: `SKILL.md`, whose front matter names and describes
it, and files that it refers to. Each is a resource, `skill://NAME/PATH`; `skills/list` tells which
there are, with sizes and digests, so that a host can check what it reads.
"""

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from synapse_core.errors import ConfigError
from synapse_mcp.prompts.library import split_front_matter

__all__ = ["Skill", "SkillFile", "SkillLibrary", "load_skills"]

_MANIFEST = "SKILL.md"
_WORD = re.compile(r"\w+")


class _FrontMatter(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$", max_length=64)
    description: str = Field(min_length=1, max_length=1024)


@dataclass(frozen=True, slots=True)
class SkillFile:
    """A file of a skill.

    Attributes:
        uri: Where it is read.
        text: Its content.
    """

    uri: str
    text: str

    def entry(self) -> dict[str, JsonValue]:
        """Return its place, digest and size, as a list of skills tells them."""
        content = self.text.encode()
        digest = f"sha256:{sha256(content).hexdigest()}"
        return {"uri": self.uri, "digest": digest, "size": len(content)}


@dataclass(frozen=True, slots=True)
class Skill:
    """A skill and all its files, `SKILL.md` first."""

    name: str
    description: str
    files: tuple[SkillFile, ...]

    @property
    def words(self) -> frozenset[str]:
        """All words of its files, names of tools among them."""
        return frozenset(word for file in self.files for word in _WORD.findall(file.text))

    @property
    def uri(self) -> str:
        """Where its `SKILL.md` is read."""
        return self.files[0].uri

    def entry(self) -> dict[str, JsonValue]:
        """Return what `skills/list` and `skills/get` tell about it."""
        return {
            "uri": self.uri,
            "frontmatter": {"name": self.name, "description": self.description},
            "resources": [file.entry() for file in self.files],
        }


class SkillLibrary:
    """The skills that a server offers, read when they are asked for: a call need not wait for it.

    Args:
        folder: That of the prompts.
        missing: Names of the tools that the server does not offer; a skill that tells to call one
            of them is left out.
    """

    def __init__(self, folder: Path, missing: AbstractSet[str]) -> None:
        self._folder = folder
        self._missing = missing

    @cached_property
    def skills(self) -> Mapping[str, Skill]:
        """The skills by the URI of their `SKILL.md`."""
        found = load_skills(self._folder)
        return {uri: skill for uri, skill in found.items() if not skill.words & self._missing}


def load_skills(folder: Path) -> Mapping[str, Skill]:
    """Load every skill of a folder of prompts, by the URI of its `SKILL.md`.

    Raises:
        ConfigError: A folder is no skill; says which and why.
    """
    skills = [_load(path.parent) for path in sorted(folder.glob(f"skills/*/{_MANIFEST}"))]
    return {skill.uri: skill for skill in skills}


def _load(folder: Path) -> Skill:
    manifest = folder / _MANIFEST
    head, _ = split_front_matter(manifest)
    try:
        front_matter = _FrontMatter.model_validate(head)
    except ValidationError as error:
        raise ConfigError(
            f"The front matter of {manifest} is wrong: {error}", hint="Correct it."
        ) from error
    if front_matter.name != folder.name:
        raise ConfigError(
            f"{manifest} is named {front_matter.name!r}, but its folder {folder.name!r}.",
            hint="Give both the same name.",
        )
    paths = [manifest, *sorted(path for path in folder.rglob("*.md") if path != manifest)]
    return Skill(
        front_matter.name, front_matter.description, tuple(_files(front_matter.name, folder, paths))
    )


def _files(name: str, folder: Path, paths: Sequence[Path]) -> list[SkillFile]:
    return [
        SkillFile(
            f"skill://{name}/{path.relative_to(folder).as_posix()}",
            path.read_text(encoding="utf-8"),
        )
        for path in paths
    ]

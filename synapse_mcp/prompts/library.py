"""Loads the prompt files and renders them.

A prompt is a Markdown file in `prompts/`: front matter in YAML names its title, description,
arguments and the tools it cannot do without; the rest is a Jinja2 template over the arguments, and
over `tools`, which are offered. A variable that nothing gives is an error, not an empty string.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import cast

from mcp.types import GetPromptResult, PromptArgument, PromptMessage, TextContent
from mcp.types import Prompt as PromptDefinition
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from synapse_core.errors import ConfigError, nearest
from synapse_mcp.errors import InvalidArgumentsError, well_formed

__all__ = ["Prompt", "PromptLibrary", "load_prompts", "prompt_folder", "split_front_matter"]

_MARK = "---\n"


class _Argument(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z][a-z_]*$")
    description: str
    required: bool = False


class _FrontMatter(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    description: str
    arguments: list[_Argument] = Field(default_factory=list[_Argument])
    needs: str = ""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt file.

    Attributes:
        name: Its name, which is that of its file.
        front_matter: What its front matter says.
        template: The text below.
    """

    name: str
    front_matter: _FrontMatter
    template: str

    @property
    def needs(self) -> frozenset[str]:
        """Names of the tools that it cannot do without."""
        return frozenset(self.front_matter.needs.split())

    def definition(self) -> PromptDefinition:
        """Return what `prompts/list` tells about it."""
        return PromptDefinition(
            name=self.name,
            title=self.front_matter.title,
            description=self.front_matter.description,
            arguments=[
                PromptArgument(name=a.name, description=a.description, required=a.required)
                for a in self.front_matter.arguments
            ],
        )

    def render(
        self, arguments: Mapping[str, str], tools: AbstractSet[str] = frozenset()
    ) -> GetPromptResult:
        """Return the prompt as one message of the user.

        Args:
            arguments: As the client gave them.
            tools: Names of the tools that the server offers; no other is named but those needed.

        Raises:
            InvalidArgumentsError: An argument is missing or unknown.
        """
        # Late, because a server that is never asked for a prompt starts faster without it.
        import jinja2  # noqa: PLC0415 (see above)

        values = self._check(arguments)
        environment = jinja2.Environment(
            undefined=jinja2.StrictUndefined,
            autoescape=False,  # noqa: S701 (the text is Markdown for a model, never HTML)
            trim_blocks=True,
            lstrip_blocks=True,
        )
        text = environment.from_string(self.template).render(**values, tools=tools).strip()
        message = PromptMessage(
            role="user", content=TextContent(type="text", text=well_formed(text))
        )
        return GetPromptResult(description=self.front_matter.description, messages=[message])

    def _check(self, arguments: Mapping[str, str]) -> dict[str, str]:
        known = {argument.name: argument for argument in self.front_matter.arguments}
        listed = f"Arguments: {', '.join(known) or 'none'}."
        for name in arguments:
            if name not in known:
                raise InvalidArgumentsError(
                    f"The prompt {self.name} has no argument {name!r}.",
                    hint=f"{nearest(name, known)} {listed}".strip(),
                )
        values = {name: arguments.get(name, "").strip() for name in known}
        for name, argument in known.items():
            if argument.required and not values[name]:
                raise InvalidArgumentsError(
                    f"The prompt {self.name} needs the argument {name!r}: {argument.description}.",
                    hint=listed,
                )
        return values


class PromptLibrary:
    """The prompts that a server offers, read when they are asked for: a call need not wait for it.

    Args:
        folder: Where their files lie.
        tools: Names of the tools that the server offers; a prompt that needs others is left out.
    """

    def __init__(self, folder: Path, tools: AbstractSet[str]) -> None:
        self._folder = folder
        self._tools = tools

    @cached_property
    def prompts(self) -> Mapping[str, Prompt]:
        """The prompts by name."""
        found = load_prompts(self._folder)
        return {name: one for name, one in found.items() if one.needs <= self._tools}

    @cached_property
    def definitions(self) -> list[PromptDefinition]:
        """What `prompts/list` tells."""
        return [prompt.definition() for prompt in self.prompts.values()]

    def render(self, name: str, arguments: Mapping[str, str]) -> GetPromptResult:
        """Return the prompt of this name, filled in.

        Raises:
            InvalidArgumentsError: There is none, or an argument is missing or unknown.
        """
        return self._find(name).render(arguments, self._tools)

    def _find(self, name: str) -> Prompt:
        prompt = self.prompts.get(name)
        if prompt is None:
            listed = ", ".join(self.prompts)
            raise InvalidArgumentsError(
                f"There is no prompt {name!r}.",
                hint=f"{nearest(name, self.prompts)} Prompts: {listed}.".strip(),
            )
        return prompt


def prompt_folder() -> Path:
    """Return where the prompt files lie: beside the package in a checkout, inside it in a wheel.

    Raises:
        ConfigError: They are in neither place.
    """
    package = Path(__file__).parents[1]
    for folder in (package / "prompt_files", package.parent / "prompts"):
        if folder.is_dir():
            return folder
    raise ConfigError(
        f"The prompt files are missing beside {package}.", hint="Install synapse-mcp again."
    )


def load_prompts(folder: Path) -> dict[str, Prompt]:
    """Load every prompt of a folder, in the order of their names.

    Raises:
        ConfigError: A file is no prompt; says which and why.
    """
    return {path.stem: _load(path) for path in sorted(folder.glob("*.md"))}


def split_front_matter(path: Path) -> tuple[object, str]:
    """Return what the front matter of a Markdown file says, and the text below it.

    Raises:
        ConfigError: It has none, or it is no YAML.
    """
    import yaml  # noqa: PLC0415 - delays the first call of any tool

    text = path.read_text(encoding="utf-8")
    if not text.startswith(_MARK) or _MARK not in text[len(_MARK) :]:
        raise ConfigError(f"{path} has no front matter.", hint=f"Begin it with {_MARK.strip()}.")
    head, _, rest = text[len(_MARK) :].partition(_MARK)
    try:
        return cast("object", yaml.safe_load(head)), rest
    except yaml.YAMLError as error:
        raise ConfigError(
            f"The front matter of {path} is wrong: {error}", hint="Correct it."
        ) from error


def _load(path: Path) -> Prompt:
    head, template = split_front_matter(path)
    try:
        front_matter = _FrontMatter.model_validate(head)
    except ValidationError as error:
        raise ConfigError(
            f"The front matter of {path} is wrong: {error}", hint="Correct it."
        ) from error
    return Prompt(path.stem, front_matter, template)

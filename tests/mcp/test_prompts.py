"""Prompts are rendered whole, and name only what exists."""

import json
import re
from collections.abc import Iterable
from pathlib import Path

import jinja2
import pytest
from mcp.shared.exceptions import MCPError
from mcp.types import PromptReference, TextContent

from synapse_core.errors import ConfigError
from synapse_mcp.errors import InvalidArgumentsError
from synapse_mcp.prompts.library import Prompt, PromptLibrary, load_prompts, prompt_folder
from synapse_mcp.resources.catalog import RESOURCES
from synapse_mcp.tools.catalog import TOOLS
from synapse_mcp.tools.declaration import Effect
from tests.mcp.world import ERAS, Connect

PROMPTS = load_prompts(prompt_folder())
BY_NAME = {tool.name: tool for tool in TOOLS}
CALL = re.compile(r"`?\b([a-z]+_[a-z]+) (\{.*?\})`", re.DOTALL)
FULL = {
    "goal": "count images",
    "plugin": "p",
    "category": "export",
    "run_id": "last",
    "other": "last",
    "metric": "loss",
    "folder": "/plugins",
}


def renderings() -> list[tuple[str, str]]:
    """Return every prompt with all of its arguments, and with the required ones only.

    Once with all tools, and once with no more than it needs.
    """
    found: list[tuple[str, str]] = []
    for name, prompt in PROMPTS.items():
        arguments = prompt.front_matter.arguments
        for chosen in (arguments, [a for a in arguments if a.required]):
            given = {a.name: FULL[a.name] for a in chosen}
            found += [(name, text_of(prompt, given, tools)) for tools in (BY_NAME, prompt.needs)]
    return found


def text_of(prompt: Prompt, given: dict[str, str], tools: Iterable[str]) -> str:
    (message,) = prompt.render(given, set(tools)).messages
    assert isinstance(message.content, TextContent)
    return message.content.text


@pytest.mark.parametrize(("name", "text"), renderings())
def test_every_call_in_a_prompt_meets_the_schema_of_a_real_tool(name: str, text: str) -> None:
    calls = CALL.findall(text)

    assert calls, f"{name} names no call"
    for tool, arguments in calls:
        BY_NAME[tool].arguments.model_validate(json.loads(arguments))


@pytest.mark.parametrize(("name", "text"), renderings())
def test_every_resource_in_a_prompt_exists(name: str, text: str) -> None:
    for uri in re.findall(r"`((?:run|plugin|config)://[^`]+)`", text):
        assert any(resource.template.match(uri) is not None for resource in RESOURCES), (name, uri)


@pytest.mark.parametrize(("name", "text"), renderings())
def test_every_word_that_looks_like_a_tool_is_one(name: str, text: str) -> None:
    words = set(re.findall(r"\b(?:run|plugin|env)_[a-z]+\b", text))

    assert words - set(BY_NAME) <= {"run_id", "env_key"}, name
    assert "{{" not in text
    assert "{%" not in text


@pytest.mark.parametrize("name", PROMPTS)
def test_a_prompt_names_no_tool_that_is_not_offered(name: str) -> None:
    prompt = PROMPTS[name]
    given = {a.name: FULL[a.name] for a in prompt.front_matter.arguments}

    text = text_of(prompt, given, prompt.needs)

    assert set(BY_NAME) & set(re.findall(r"\w+", text)) <= prompt.needs


def test_a_prompt_is_offered_when_its_tools_are() -> None:
    looking = {tool.name for tool in TOOLS if tool.effect is Effect.READS}

    assert set(PromptLibrary(prompt_folder(), set(BY_NAME)).prompts) == set(PROMPTS)
    assert set(PromptLibrary(prompt_folder(), looking).prompts) == {"compare_runs", "debug_run"}
    assert PromptLibrary(prompt_folder(), set()).definitions == []


def test_a_prompt_says_what_the_arguments_say() -> None:
    new, existing = (
        PROMPTS["write_action"].render({"goal": "count", **more}).messages[0].content
        for more in ({}, {"plugin": "mine"})
    )

    assert isinstance(new, TextContent)
    assert isinstance(existing, TextContent)
    assert 'plugin_scaffold {"name": ' in new.text
    assert 'plugin_scaffold {"plugin": "mine", "action": ' in existing.text
    assert 'plugin_scaffold {"name": ' not in existing.text
    assert 'plugin_describe {"plugin": "mine"}' in existing.text


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("debug_run", {}, "needs the argument 'run_id'"),
        ("debug_run", {"run_id": " "}, "needs the argument 'run_id'"),
        ("debug_run", {"run_id": "x", "runid": "x"}, "has no argument 'runid'. Fix"),
    ],
)
def test_wrong_arguments_of_a_prompt_are_named(
    name: str, arguments: dict[str, str], told: str
) -> None:
    with pytest.raises(InvalidArgumentsError, match=told.removesuffix(" Fix").replace(".", "\\.")):
        PROMPTS[name].render(arguments)


def test_an_argument_cannot_smuggle_in_a_template() -> None:
    (message,) = PROMPTS["debug_run"].render({"run_id": "{{ 7 * 7 }}"}).messages

    assert isinstance(message.content, TextContent)
    assert "{{ 7 * 7 }}" in message.content.text
    assert "49" not in message.content.text


def test_a_variable_that_nobody_gives_is_an_error() -> None:
    prompt = Prompt("x", PROMPTS["debug_run"].front_matter, "{{ nobody }}")

    with pytest.raises(jinja2.UndefinedError):
        prompt.render({"run_id": "x"})


@pytest.mark.parametrize(
    "text",
    [
        "no front matter",
        "---\ntitle: t\n",
        "---\ntitle: [\n---\nx",
        "---\ntitle: t\n---\nx",
        "---\ntitle: t\ndescription: d\nmore: m\n---\nx",
    ],
    ids=["none", "unclosed", "no YAML", "no description", "unknown key"],
)
def test_a_file_that_is_no_prompt_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.md").write_text(text, encoding="utf-8")

    with pytest.raises(ConfigError, match=r"bad\.md"):
        load_prompts(tmp_path)


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ERAS)
async def test_prompts_come_over_the_wire(connect: Connect, mode: str) -> None:
    async with connect(mode=mode) as agent:
        got = await agent.client.get_prompt("compare_runs", {"run_id": "a", "other": "b"})
        with pytest.raises(MCPError) as caught:
            await agent.client.get_prompt("debug_runs", {"run_id": "a"})
        completed = await agent.client.complete(
            PromptReference(name="write_action"), {"name": "category", "value": "pre"}
        )

    assert got.messages[0].role == "user"
    assert "Did you mean 'debug_run'?" in caught.value.error.message
    assert completed.completion.values == ["pre_annotation"]

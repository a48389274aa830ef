"""Skills, as a client finds and reads them."""

from hashlib import sha256

import pytest

from synapse_core.errors import ConfigError
from synapse_mcp.prompts.library import prompt_folder
from synapse_mcp.prompts.skills import load_skills
from tests.mcp.wire import Start, modern
from tests.mcp.world import Connect, Place

AUTHOR = "skill://plugin-author/SKILL.md"


@pytest.mark.anyio
async def test_a_skill_is_read_as_it_is_listed(embed: Connect) -> None:
    (skill,) = load_skills(prompt_folder()).values()
    entry = skill.entry()

    async with embed() as agent:
        listed = {resource.uri for resource in (await agent.client.list_resources()).resources}
        texts = [await agent.read(file.uri) for file in skill.files]

    assert entry["uri"] == AUTHOR
    assert {file.uri for file in skill.files} <= listed
    assert entry["resources"] == [
        {
            "uri": file.uri,
            "digest": f"sha256:{sha256(text.encode()).hexdigest()}",
            "size": len(text.encode()),
        }
        for file, text in zip(skill.files, texts, strict=True)
    ]


def test_skills_are_listed_and_got_over_the_wire(start: Start) -> None:
    wire = start()

    capabilities = wire.ask(modern(0, "server/discover"))["result"]["capabilities"]
    listed = wire.ask(modern(1, "skills/list"))["result"]
    got = wire.ask(modern(2, "skills/get", {"uri": AUTHOR}))["result"]
    unknown = wire.ask(modern(3, "skills/get", {"uri": "skill://no/SKILL.md"}))["error"]

    assert capabilities["extensions"]["io.modelcontextprotocol/skills"] == {}
    assert [skill["uri"] for skill in listed["skills"]] == [AUTHOR]
    assert got["skill"] == listed["skills"][0]
    assert (listed["ttlMs"], listed["cacheScope"]) == (300_000, "public")
    assert unknown["code"] == -32602
    assert AUTHOR in unknown["message"]


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        ("no front matter", "has no front matter"),
        ("---\nname: other\ndescription: x\n---\n", "but its folder 'mine'"),
        ("---\nname: mine\n---\n", "is wrong"),
        ("---\nname: Mine\ndescription: x\n---\n", "is wrong"),
    ],
)
def test_a_folder_that_is_no_skill_is_named(place: Place, manifest: str, said: str) -> None:
    folder = place.folder / "skills" / "mine"
    folder.mkdir(parents=True)
    (folder / "SKILL.md").write_text(manifest, encoding="utf-8")

    with pytest.raises(ConfigError, match=said):
        load_skills(place.folder)

"""An agent writes a plugin, checks it, mends it, and looks after the installation."""

from pathlib import Path

import pytest

from synapse_core.model.plugin import PluginCategory
from tests.mcp.world import ERAS, Connect, Place

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("mode", ERAS)
async def test_an_agent_goes_from_nothing_to_a_run(
    connect: Connect, place: Place, mode: str
) -> None:
    async with connect(mode=mode) as agent:
        planned = await agent.call("plugin_scaffold", name="shapes", dry_run=True)
        written_by_plan = (place.root / "shapes").exists()
        made = await agent.call("plugin_scaffold", name="shapes", template="custom")
        added = await agent.call("plugin_scaffold", plugin="shapes", action="measure")
        checked = await agent.call("plugin_check", path=made["path"])
        described = await agent.call("plugin_describe", plugin="shapes", action=made["action"])
        run = await agent.call(
            "run_start",
            plugin="shapes",
            action=made["action"],
            params=described["example"],
            wait_s=40,
        )

    assert not written_by_plan
    assert "+++ b/config.yaml" in planned["diff"] or "diff" in planned["truncated"]
    assert planned["next"] == ['plugin_scaffold {"name": "shapes"}']
    assert "created config.yaml" in made["files"]
    assert "updated config.yaml" in added["files"]
    assert checked["valid"] is True
    assert checked["findings"] == []
    assert checked["actions"] == [made["action"], "measure"]
    assert run["status"] == "succeeded"


@pytest.mark.parametrize("template", PluginCategory)
async def test_every_template_is_valid(embed: Connect, template: PluginCategory) -> None:
    async with embed() as agent:
        made = await agent.call("plugin_scaffold", name="mine", template=template.value)
        checked = await agent.call("plugin_check", path=made["path"])

    assert checked["valid"] is True
    assert checked["findings"] == []


async def test_findings_lead_to_the_place_and_are_gone_when_it_is_mended(
    embed: Connect, place: Place
) -> None:
    source = "from synapse_core import action\n\n@action()\ndef run() -> int:\n    return 1\n"
    folder = place.plugin("mine", source, actions="ruin")

    async with embed() as agent:
        broken = await agent.call("plugin_check", path="mine")
        manifest = folder / "config.yaml"
        manifest.write_text(manifest.read_text("utf-8").replace("ruin", "run"), encoding="utf-8")
        mended = await agent.call("plugin_check", path="mine")

    (finding,) = [one for one in broken["findings"] if one["severity"] == "error"]
    assert broken["valid"] is False
    assert finding["code"] == "attribute-missing"
    assert finding["where"].startswith("config.yaml:6")
    assert "Did you mean 'run'?" in finding["fix"]
    assert broken["next"] == [f'plugin_check {{"path": "{folder}"}}']
    assert mended["valid"] is True


async def test_a_broken_manifest_is_findings_and_no_error(embed: Connect, place: Place) -> None:
    folder = place.plugin("mine", "")
    (folder / "config.yaml").write_text("name: mine\ncode: mine\nactoins: {}\n", encoding="utf-8")

    async with embed() as agent:
        checked = await agent.call("plugin_check", path=str(folder))

    assert checked["valid"] is False
    assert any("actoins" in one["message"] for one in checked["findings"])


async def test_who_finds_nothing_is_led_to_what_cannot_be_read(
    embed: Connect, place: Place
) -> None:
    folder = place.plugin("mine", "")
    (folder / "config.yaml").write_text("name: mine\nactions: [\n", encoding="utf-8")

    async with embed() as agent:
        searched = await agent.call("plugin_search", query="mine")

    assert searched["plugins"] == []
    assert searched["next"] == [f'plugin_check {{"path": "{folder}"}}']


async def test_thousands_of_findings_are_cut_and_counted(embed: Connect, place: Place) -> None:
    lines = "\n".join(f"def f{n}():\n    return input()\n" for n in range(2000))
    source = (
        f"from synapse_core import action\n\n@action()\ndef run() -> int:\n    return 1\n{lines}"
    )
    place.plugin("mine", source)

    async with embed() as agent:
        checked = await agent.call("plugin_check", path="mine")

    assert checked["warnings"] == 2000
    assert 0 < len(checked["findings"]) <= 60
    assert checked["truncated"].endswith(" of 2000 findings")


async def test_nothing_is_overwritten(embed: Connect, place: Place) -> None:
    folder = place.root / "mine"
    folder.mkdir()
    (folder / "README.md").write_text("mine", encoding="utf-8")

    async with embed() as agent:
        text = await agent.fail("plugin_scaffold", name="mine")

    assert text.startswith("[overwrite_refused] ")
    assert (folder / "README.md").read_text(encoding="utf-8") == "mine"
    assert [path.name for path in folder.iterdir()] == ["README.md"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({}, "give either name"),
        ({"name": "a", "plugin": "b", "action": "c"}, "give either name"),
        ({"plugin": "b"}, "action is required"),
        ({"name": "a", "template": "none"}, "template: should be 'neural_net'"),
    ],
)
async def test_a_scaffold_is_of_one_thing(
    embed: Connect, arguments: dict[str, object], told: str
) -> None:
    async with embed() as agent:
        text = await agent.fail("plugin_scaffold", **arguments)

    assert text.startswith("[invalid_arguments] ")
    assert told in text


async def test_the_doctor_tells_what_works_and_what_does_not(
    connect: Connect, place: Place, tmp_path: Path
) -> None:
    place.plugin("mine", "")
    (place.root / "mine" / "config.yaml").write_text("{", encoding="utf-8")

    async with connect(env={"HOME": str(tmp_path)}) as agent:
        told = await agent.call("env_doctor")

    assert told["healthy"] is True
    assert {"home", "worker"} <= set(told["fine"])
    assert told["versions"]["synapse"]
    (problem,) = [one for one in told["problems"] if one["check"] == "plugins"]
    assert str(place.root / "mine") in problem["message"]

"""Deployments beside one another: broken ones, other libraries, a token."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from synapse_core.errors import InvalidInputError, NotFoundError
from synapse_core.operations.deployments.verbs import (
    Deploy,
    delete_deployment,
    deploy,
    update_deployment,
)
from synapse_core.operations.deployments.views import (
    DeploymentState,
    DeploymentView,
    deployment_names,
    list_deployments,
)
from synapse_core.workspace import Workspace
from tests.dependencies.wheels import make_wheel
from tests.ray.calling import change, send, settle, show

pytest.importorskip("fastapi", reason="the extra `serve` is not installed")

REVERSE = """
    from synapse_core import action


    @action
    def answer(ctx, text: str = "abc") -> str:
        return text[::-1]
"""

Place = Callable[[Path], DeploymentView]


def write_plugin(folder: Path, code: str, serve: str = "{}") -> Path:
    folder.mkdir(exist_ok=True)
    config = f"""
        name: {folder.name}
        code: {folder.name}
        actions:
          answer:
            entrypoint: act:answer
            method: serve
            resources: {{cpus: 0.1}}
            serve: {serve}
    """
    (folder / "config.yaml").write_text(dedent(config), encoding="utf-8")
    (folder / "act.py").write_text(dedent(code), encoding="utf-8")
    return folder


@pytest.fixture
def place(world: Workspace) -> Iterator[Place]:
    """Deploys plugins, and deletes what it has deployed."""
    names: list[str] = []

    def put(folder: Path) -> DeploymentView:
        view = deploy(world, os.environ, Deploy(plugin=str(folder)))
        names.append(view.name)
        return view

    yield put
    for name in names:
        delete_deployment(world.home, os.environ, name)
        with pytest.raises(NotFoundError):
            show(world, name)


def test_what_cannot_be_imported_fails_alone(
    world: Workspace, ray_root: Path, place: Place
) -> None:
    place(write_plugin(ray_root / "steady", REVERSE))
    broken = write_plugin(ray_root / "broken", "import os\nos._exit(3)\n")
    name = place(broken).name

    view = settle(world, name)

    assert view.state is DeploymentState.FAILED
    assert "ended with 3" in view.error
    steady = settle(world, "steady-answer")
    assert send(steady.url, {"text": "still"}).body == "llits"
    write_plugin(broken, REVERSE)
    update_deployment(world, os.environ, name)
    repaired = settle(world, name)
    assert repaired.state is DeploymentState.RUNNING
    assert send(repaired.url, {"text": "abc"}).body == "cba"


def test_what_no_node_has_room_for_is_refused_and_not_kept(
    world: Workspace, ray_root: Path, place: Place
) -> None:
    huge = write_plugin(ray_root / "huge", REVERSE)
    name = place(huge).name
    change(huge / "config.yaml", "cpus: 0.1", "cpus: 640")

    with pytest.raises(InvalidInputError, match="CPU 640"):
        deploy(world, os.environ, Deploy(plugin=str(huge), name="huger"))
    with pytest.raises(InvalidInputError, match="CPU 640"):
        update_deployment(world, os.environ, name)

    assert "huger" not in deployment_names(world.home)
    assert settle(world, name).release == 1


def test_each_has_the_libraries_that_it_asks_for(
    world: Workspace, ray_root: Path, place: Place
) -> None:
    code = """
        import tinylib
        from synapse_core import action


        @action
        def answer(ctx) -> str:
            return tinylib.VERSION
    """
    names: dict[str, str] = {}
    for version in ("1.0", "2.0"):
        folder = write_plugin(ray_root / f"needs_{version[0]}", code)
        make_wheel(folder / "wheels", "tinylib", version)
        (folder / "requirements.txt").write_text(f"tinylib=={version}\n", encoding="utf-8")
        names[version] = place(folder).name

    views = {version: settle(world, name) for version, name in names.items()}

    assert {view.state for view in views.values()} == {DeploymentState.RUNNING}, views
    told = {version: send(view.url, {}).body for version, view in views.items()}
    assert told == {"1.0": "1.0", "2.0": "2.0"}


def test_a_token_is_asked_for_and_kept_nowhere(
    world: Workspace, ray_root: Path, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GUARD", "open-sesame-8317")
    name = place(write_plugin(ray_root / "guarded", REVERSE, "{token: GUARD}")).name

    view = settle(world, name)

    assert send(view.url, {}).status == 401
    assert send(view.url, {}, Authorization="Bearer wrong").status == 401
    assert send(view.url, {}, Authorization="Bearer open-sesame-8317").body == "cba"
    kept = [file for file in world.home.root.rglob("*") if file.is_file()]
    assert not [file for file in kept if b"open-sesame" in file.read_bytes()]
    assert name in [one.name for one in list_deployments(world.home, os.environ)]

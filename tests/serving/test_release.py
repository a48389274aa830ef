"""Names, ids of models, and what a home keeps of deployments."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_core.config.home import Home
from synapse_core.errors import InvalidInputError, NotFoundError, StorageError
from synapse_core.serving.copying import copy_plugin
from synapse_core.serving.release import (
    Deployment,
    Release,
    ServeSettings,
    check_deployment_name,
    check_model_id,
)
from synapse_core.serving.shelf import Shelf


def release(number: int, digest: str = "d") -> Release:
    return Release(
        number=number,
        plugin="p",
        version="1",
        action="a",
        entrypoint="m:a",
        folder="/nowhere",
        digest=digest,
        settings=ServeSettings(batch_size=4),
        env={"KEY": "value"},
    )


def deployment(name: str = "one", number: int = 1) -> Deployment:
    return Deployment(
        name=name, plugin="p", plugin_path="/p", action="a", release=number, replicas=1
    )


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(Home(tmp_path / "home"))


@pytest.mark.parametrize("name", ["a", "my-model", "a.b_c-1", "x" * 63])
def test_a_name_fits_into_an_address(name: str) -> None:
    assert check_deployment_name(name) == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "-a", "a-", "A", "a..b", "x" * 64, "é", "a b"]
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidInputError):
        check_deployment_name(name)


@given(st.text())
def test_no_name_leads_out_of_the_folder(name: str) -> None:
    folder = Shelf(Home(Path("/home"))).folder
    try:
        place = Shelf(Home(Path("/home"))).place(name)
    except InvalidInputError:
        return
    assert place.resolve().parent == folder


@pytest.mark.parametrize("model_id", ["small", "org/model:v1.2", "a" * 64, "0f" * 32])
def test_a_model_has_a_name(model_id: str) -> None:
    assert check_model_id(model_id) == model_id


@pytest.mark.parametrize(
    "model_id",
    [
        "",
        "-x",
        "a b",
        "a\nb",
        "x" * 201,
        "eyJhbGciOiJIUzI1NiJ9.eyJtIjoxfQ.c2ln",
        "ghp_" + "a1B2" * 9,
        "AKIA" + "ABCDEFGH12345678",
    ],
)
def test_what_is_no_name_or_a_secret_is_refused_and_not_repeated(model_id: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        check_model_id(model_id)

    assert not model_id.strip() or model_id not in str(refused.value)


def test_what_is_kept_is_read_back(shelf: Shelf) -> None:
    shelf.keep(deployment())
    shelf.keep_release("one", release(1))

    assert shelf.names() == ["one"]
    assert shelf.get("one") == deployment()
    assert shelf.release("one", 1) == release(1)
    files = [file for file in shelf.place("one").rglob("*") if file.is_file()]
    assert {file.stat().st_mode & 0o077 for file in files} == {0}


def test_what_is_not_there_is_told_with_what_is(shelf: Shelf) -> None:
    shelf.keep(deployment("flowers"))

    with pytest.raises(NotFoundError, match="Did you mean 'flowers'"):
        shelf.get("flower")
    with pytest.raises(NotFoundError, match="Release 3"):
        shelf.release("flowers", 3)


def test_what_a_later_version_has_kept_is_read_as_far_as_it_is_known(shelf: Shelf) -> None:
    shelf.keep(deployment())
    shelf.keep_release("one", release(1))
    for file in shelf.place("one").rglob("*.json"):
        told = json.loads(file.read_text(encoding="utf-8"))
        file.write_text(json.dumps({**told, "later": 1}), encoding="utf-8")

    assert shelf.get("one") == deployment()
    assert shelf.release("one", 1) == release(1)


def test_what_is_damaged_says_how_to_go_on(shelf: Shelf) -> None:
    shelf.keep(deployment())
    (shelf.place("one") / "deployment.json").write_text("{", encoding="utf-8")

    with pytest.raises(StorageError, match="synapse deployment delete one"):
        shelf.get("one")


def test_releases_that_nobody_needs_are_forgotten_with_their_copies(shelf: Shelf) -> None:
    for number in range(1, 6):
        shelf.keep_release("one", release(number, digest=f"d{number}"))
        (shelf.copies("one") / f"d{number}").mkdir(parents=True)
    shelf.prove("one", 2)

    shelf.forget_old_releases("one")

    assert shelf.numbers("one") == [2, 4, 5]
    assert sorted(copy.name for copy in shelf.copies("one").iterdir()) == ["d2", "d4", "d5"]


def test_a_copy_is_made_once_and_stays_as_it_is(tmp_path: Path) -> None:
    plugin, copies = tmp_path / "plugin", tmp_path / "copies"
    (plugin / "inner").mkdir(parents=True)
    copies.mkdir()
    (plugin / "inner" / "act.py").write_text("x = 1\n", encoding="utf-8")
    (plugin / ".env").write_text("SECRET=1\n", encoding="utf-8")
    (plugin / "escape").symlink_to(tmp_path)

    first, digest = copy_plugin(plugin, copies)
    again, same = copy_plugin(plugin, copies)
    (plugin / "inner" / "act.py").write_text("x = 2\n", encoding="utf-8")
    other, another = copy_plugin(plugin, copies)

    assert (first, digest) == (again, same)
    assert another != digest
    assert first.name == other.name == "plugin"
    assert (first / "inner" / "act.py").read_text(encoding="utf-8") == "x = 1\n"
    assert [file.name for file in first.rglob("*")] == ["inner", "act.py"]

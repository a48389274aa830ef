"""The doctor looks at the service that the active environment names."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from synapse_core.config.environments import Environment
from synapse_core.config.home import Home
from synapse_core.errors import ConfigError
from synapse_core.operations.doctor.findings import Finding, FindingLevel
from synapse_core.operations.doctor.service import check_service
from synapse_core.operations.doctor.verbs import examine
from synapse_core.operations.environments import add_environment, use_environment
from synapse_core.testing.service import ADMIN_TOKEN, READ_TOKEN, RUN_TOKEN, serving
from synapse_core.version import __version__
from synapse_core.workspace import open_workspace

OK, WARNING, ERROR = FindingLevel.OK, FindingLevel.WARNING, FindingLevel.ERROR


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with open_workspace(tmp_path / "far", (), environ={}) as workspace, serving(workspace) as url:
        yield url


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.ensure()
    return home


def found(home: Home, url: str, token: str | None) -> list[Finding]:
    add_environment(
        home, Environment(name="team", service_url=url, token=token), replace=True, activate=True
    )
    return list(check_service(home, {}))


@pytest.mark.parametrize(("token", "scope"), [(RUN_TOKEN, "run"), (ADMIN_TOKEN, "admin")])
def test_a_service_that_works_is_told(home: Home, url: str, token: str, scope: str) -> None:
    (finding,) = found(home, url, token)

    assert (finding.check, finding.level, finding.fix) == ("service", OK, "")
    assert url in finding.message
    assert finding.facts["version"] == __version__
    assert finding.facts["scope"] == scope


def test_a_token_that_may_only_read_is_told(home: Home, url: str) -> None:
    fine, scope = found(home, url, READ_TOKEN)

    assert (fine.level, scope.level) == (OK, WARNING)
    assert "scope run" in scope.fix


@pytest.mark.parametrize("token", ["wrong" * 4, None])
def test_a_token_that_is_missing_or_wrong_is_told(home: Home, url: str, token: str | None) -> None:
    (finding,) = found(home, url, token)

    assert finding.level is ERROR
    assert "token" in finding.message
    assert "synapse env add team" in finding.fix
    assert "wrongwrong" not in f"{finding.message} {finding.fix}"


def test_a_service_that_is_not_there_is_told(home: Home) -> None:
    (finding,) = found(home, "http://127.0.0.1:9", RUN_TOKEN)

    assert finding.level is ERROR
    assert "cannot be reached" in finding.message
    assert finding.fix


def test_a_service_whose_store_is_gone_is_told(home: Home, tmp_path: Path, url: str) -> None:
    (tmp_path / "far").rename(tmp_path / "gone")  # in one piece: the service looks now and then
    fine, store = found(home, url, RUN_TOKEN)

    assert (fine.level, store.level) == (OK, ERROR)
    assert "on its machine" in store.fix


def test_a_token_whose_variable_is_not_set_is_told(home: Home, url: str) -> None:
    add_environment(home, Environment(name="team", service_url=url, token_variable="NOT_SET"))

    with pytest.raises(ConfigError, match="NOT_SET"):
        list(check_service(home, {}))


def test_nothing_is_asked_where_no_environment_names_a_service(home: Home, url: str) -> None:
    found(home, url, RUN_TOKEN)
    use_environment(home, None)

    assert list(check_service(home, {})) == []


def test_the_doctor_looks_at_it(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
    found(home, f"http://127.0.0.1:{port}", RUN_TOKEN)
    report = examine(home, [], environ={})

    assert not report.is_healthy
    assert [one.level for one in report.findings if one.check == "service"] == [ERROR]

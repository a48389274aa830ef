"""Which cluster the name of an executor means, without asking any."""

from pathlib import Path

import pytest

from synapse_core import RayPipelineExecutor
from synapse_core.config.environments import ClusterEntry
from synapse_core.config.home import Home
from synapse_core.errors import ConfigError
from synapse_core.executors.ray.choosing import find_cluster

URL = "http://runs.example.com:8100"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.ensure()
    return home


def test_a_name_may_say_where_the_service_of_the_home_is_reached(home: Home) -> None:
    (home.root / "service-token").write_text("made-by-the-service\n")

    cluster = find_cluster(f"head:6379,service={URL}", home, {}, {})

    assert (cluster.address, cluster.service_url) == ("head:6379", URL)
    assert cluster.service_token == "made-by-the-service"
    given = find_cluster(f"head:6379,service={URL}", home, {"SYNAPSE_SERVICE_TOKEN": "given"}, {})
    assert given.service_token == "given"
    assert find_cluster("head:6379", home, {}, {}).service_url == ""


def test_what_the_configuration_says_of_the_cluster_is_kept_beside_it(home: Home) -> None:
    entry = ClusterEntry(
        address="head:6379", service="http://other:1", service_token="t" * 20, python="/opt/python"
    )

    cluster = find_cluster(f"far,service={URL}", home, {}, {"far": entry})

    assert (cluster.name, cluster.python, cluster.service_url) == ("far", "/opt/python", URL)
    assert cluster.service_token == "t" * 20


def test_what_is_no_address_is_refused(home: Home) -> None:
    with pytest.raises(ConfigError):
        find_cluster("head:6379,service=nowhere", home, {}, {})
    with pytest.raises(ConfigError):
        RayPipelineExecutor(home=home.root, actor_pipeline_service_url="nowhere")

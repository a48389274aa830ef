"""The doctor and agents are told of the clusters, and nothing is started for that."""

from pathlib import Path

import pytest

from synapse_core.config.home import Home
from synapse_core.executors.ray.cluster.extra import is_installed
from synapse_core.operations.clusters.text import describe_cluster
from synapse_core.operations.clusters.verbs import ClusterNode, ClusterView, list_clusters
from synapse_core.operations.doctor.clusters import check_ray
from synapse_core.operations.doctor.findings import FindingLevel

CONFIG = """
environment: lab
environments:
  lab:
    clusters:
      gpu: {address: "head:6379", token_variable: GPU_TOKEN}
      far: {address: "far:6379", service: "http://here:8100"}
      jobs: {dashboard: "http://head:8265"}
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.config_file.write_text(CONFIG)
    return home


def test_all_clusters_are_listed_and_none_is_called(home: Home) -> None:
    views = {view.name: view for view in list_clusters(home, {"GPU_TOKEN": "secret"})}

    assert list(views) == ["local", "gpu", "far", "jobs"]
    assert not any(view.is_up for view in views.values())
    assert views["gpu"].address == "head:6379"
    assert views["far"].service_url == "http://here:8100"
    assert describe_cluster(views["jobs"]) == "The cluster jobs takes jobs at http://head:8265."
    assert not any((home.root / "ray").glob("*"))


def test_a_cluster_whose_token_is_missing_is_told_as_such(home: Home) -> None:
    findings = {str(finding.facts["name"]): finding for finding in check_ray(home, {})}

    assert ("local" in findings) == is_installed()
    assert findings["gpu"].level is FindingLevel.WARNING
    assert "GPU_TOKEN, which is not set" in findings["gpu"].message
    assert findings["far"].level is FindingLevel.OK
    assert "http://here:8100" in findings["far"].message


def test_the_queue_is_told() -> None:
    node = ClusterNode(host="a", address="10.0.0.1", is_alive=True, resources={"CPU": 2})
    view = ClusterView(
        name="gpu",
        is_up=True,
        address="head:6379",
        ray_version="2.60.0",
        active=5,
        waiting=3,
        total={"CPU": 2.0},
        nodes=(node,),
    )

    assert describe_cluster(view) == (
        "The cluster gpu is up at head:6379 (Ray 2.60.0): 1 node, 5 active runs, 3 of them waiting "
        "for room; free: CPU 0/2."
    )

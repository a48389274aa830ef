"""Where pipelines are conducted: by a process that can place their nodes on any cluster."""

from pathlib import Path

from synapse_core.config.home import Home
from synapse_core.executors.placement import Placements

CONFIG = """
environment: lab
environments:
  lab:
    clusters:
      gpu: {address: "head:6379", token_variable: GPU_TOKEN}
      far: {address: "far:6379", service: "http://here:8100", service_token_variable: RUNS_TOKEN}
"""


def test_a_conductor_sees_the_tokens_of_clusters_and_an_action_does_not(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.config_file.write_text(CONFIG)
    environ = {"GPU_TOKEN": "a", "RUNS_TOKEN": "b", "RAY_AUTH_TOKEN": "c", "OTHER_TOKEN": "d"}
    placements = Placements(home, environ, {})

    seen = placements.for_pipeline().environ

    assert {name for name in environ if name in seen} == {
        "GPU_TOKEN",
        "RUNS_TOKEN",
        "RAY_AUTH_TOKEN",
    }
    assert not set(environ) & set(placements.find(tmp_path).environ)

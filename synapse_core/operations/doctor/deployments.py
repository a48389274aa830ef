"""Looks at what is deployed, without starting or calling a cluster for it."""

from collections.abc import Iterator, Mapping

from synapse_core.config.home import Home
from synapse_core.operations.deployments.views import (
    DeploymentState,
    DeploymentView,
    deployment_names,
    list_deployments,
)
from synapse_core.operations.doctor.findings import Finding, FindingLevel

__all__ = ["check_deployments"]

_ADVICE = {
    DeploymentState.DEGRADED: "See why: synapse deployment logs {}",
    DeploymentState.FAILED: "See why: synapse deployment logs {}",
    DeploymentState.STOPPED: "Serve it again: synapse deployment update {}; or delete it.",
}


def check_deployments(home: Home, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Tell how each deployment stands; nothing where there is none."""
    if deployment_names(home):
        for view in list_deployments(home, environ):
            yield _finding(view)


def _finding(view: DeploymentView) -> Finding:
    where = f" at {view.url}" if view.url else ""
    advice = _ADVICE.get(view.state, "")
    return Finding(
        check="deployments",
        level=FindingLevel.WARNING if advice else FindingLevel.OK,
        message=f"{view.name} is {view.state}{where}: {view.ready} of {view.wanted} replicas "
        f"answer.{f' {view.error}' if view.error else ''}",
        fix=advice.format(view.name),
        facts={
            "name": view.name,
            "state": view.state.value,
            "ready": view.ready,
            "replicas": view.replicas,
            "max_replicas": view.max_replicas,
        },
    )

"""Shows deployments, and waits for them."""

import os

from synapse_core.config.home import Home
from synapse_core.operations.deployments.views import (
    DeploymentState,
    DeploymentView,
    wait_deployment,
)
from synapse_mcp.cli.failures import ExitCode
from synapse_mcp.cli.formatting import time_text
from synapse_mcp.cli.output import Output, note

__all__ = ["STATE_STYLES", "go_on", "show_deployment_view"]

STATE_STYLES = {
    "running": "green",
    "degraded": "yellow",
    "failed": "red",
    "stopped": "yellow",
}

_FINE = frozenset({DeploymentState.RUNNING, DeploymentState.STARTING, DeploymentState.UPDATING})


def go_on(home: Home, view: DeploymentView, output: Output, *, wait: bool, timeout_s: float) -> int:
    """Wait until a deployment that was changed has settled, if wanted; show it.

    Returns the exit code: 1 when it is not as it is wanted.
    """
    if wait:
        view = wait_deployment(home, os.environ, view.name, timeout_s=timeout_s)
    show_deployment_view(view, output)
    if wait and view.state is not DeploymentState.RUNNING:
        note(f"See what it says: synapse deployment logs {view.name}")
        return ExitCode.FAILED
    return ExitCode.DONE if view.state in _FINE else ExitCode.FAILED


def show_deployment_view(view: DeploymentView, output: Output) -> None:
    """Show a deployment with its replicas."""
    if output.as_json:
        output.json(view)
        return
    output.line(f"{view.name} is {view.state.value}", STATE_STYLES.get(view.state.value, ""))
    output.fields(
        {
            "Address": view.url,
            "Action": f"{view.plugin}/{view.action} {view.version} (release {view.release})",
            "Replicas": _count(view),
            "Cluster": view.cluster,
            "Changed": time_text(view.updated_at),
            "Error": view.error,
        }
    )
    rows = [
        [
            report.replica,
            report.state.value,
            str(report.release or "-"),
            str(report.pid or "-"),
            report.host,
            str(report.answered),
            str(report.failed),
            str(report.restarts),
        ]
        for report in view.reports
    ]
    if rows:
        columns = ["REPLICA", "STATE", "RELEASE", "PID", "HOST", "ANSWERED", "FAILED", "RESTARTS"]
        output.table(columns, rows)


def _count(view: DeploymentView) -> str:
    if not view.max_replicas:
        return f"{view.ready} of {view.replicas} answer"
    return (
        f"{view.ready} answer; {view.replicas} to {view.max_replicas}, "
        f"for {view.target_requests:g} requests each at a time"
    )

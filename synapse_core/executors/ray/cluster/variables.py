"""The variables of a process here that go along with what it has started on a cluster."""

from collections.abc import Mapping

from synapse_core.dependencies.variables import installer_variables
from synapse_core.worker.environment import allowed_environment

__all__ = ["launch_variables"]


def launch_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return those that a worker gets, and those that install the libraries of its plugin.

    Whoever starts the worker there keeps the latter from it; they may hold credentials.
    """
    return {**installer_variables(environ), **allowed_environment(environ)}

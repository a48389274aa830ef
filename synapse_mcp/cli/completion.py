"""What the shell offers at TAB: plugins, actions, runs, environments.

Asked while a person types, so it answers quickly, asks nothing, and stays silent on any fault.
"""

import re
from collections.abc import Callable

import typer

from synapse_core.errors import SynapseError

__all__ = [
    "complete_actions",
    "complete_deployments",
    "complete_environments",
    "complete_pipelines",
    "complete_plugins",
    "complete_runs",
]

_MOST = 100

_SAFE = re.compile(r"[\w.@:+-]+")
"""Some shells evaluate what they are offered, and names come from other people's files."""

Offers = list[tuple[str, str]]
"""Words with what they mean."""


def complete_runs(incomplete: str) -> Offers:
    """Offer the ids of the newest runs."""
    return _silent(_runs, incomplete)


def complete_plugins(incomplete: str) -> Offers:
    """Offer the codes of the plugins there are."""
    return _silent(_plugins, incomplete)


def complete_actions(ctx: typer.Context, incomplete: str) -> Offers:
    """Offer the actions of the plugin that stands on the line, or of the one that is here."""
    given = ctx.params.get("plugin")
    return _silent(lambda: _actions(given if isinstance(given, str) else None), incomplete)


def complete_pipelines(ctx: typer.Context, incomplete: str) -> Offers:
    """Offer the pipelines of the plugin that stands on the line, or of the one that is here."""
    given = ctx.params.get("plugin")
    return _silent(lambda: _pipelines(given if isinstance(given, str) else None), incomplete)


def complete_environments(incomplete: str) -> Offers:
    """Offer the names of the environments there are."""
    return _silent(_environments, incomplete)


def complete_deployments(incomplete: str) -> Offers:
    """Offer the names of the deployments there are."""
    return _silent(_deployments, incomplete)


def _silent(find: Callable[[], Offers], incomplete: str) -> Offers:
    try:
        offers = find()
    except (SynapseError, OSError):
        return []  # words beside the prompt would only be in the way
    return [
        (word, " ".join(told.split()))
        for word, told in offers
        if word.startswith(incomplete) and _SAFE.fullmatch(word)
    ]


# Every help page imports this module; what finds the words is imported when somebody presses TAB.


def _runs() -> Offers:
    from synapse_core.model.run import RunFilter  # noqa: PLC0415 (see above)
    from synapse_core.operations.runs import list_runs  # noqa: PLC0415 (see above)
    from synapse_mcp.cli.formatting import time_text  # noqa: PLC0415 (see above)
    from synapse_mcp.cli.opening import open_runs  # noqa: PLC0415 (see above)

    with open_runs() as workspace:
        runs = list_runs(workspace, RunFilter(), limit=_MOST).items
    told = [
        (run.id, f"{run.plugin}/{run.action} {run.status.value} {time_text(run.created_at)}")
        for run in runs
    ]
    return [*told, ("last", "the newest run")]


def _plugins() -> Offers:
    from synapse_core.operations.plugins import search_plugins  # noqa: PLC0415 (see above)
    from synapse_mcp.cli.opening import open_plugins  # noqa: PLC0415 (see above)

    with open_plugins() as workspace:
        found = search_plugins(workspace, limit=_MOST).items
    return [(plugin.code, plugin.description or plugin.name) for plugin in found]


def _actions(reference: str | None) -> Offers:
    from synapse_core.operations.plugins import find_plugin  # noqa: PLC0415 (see above)
    from synapse_mcp.cli.opening import open_plugins  # noqa: PLC0415 (see above)
    from synapse_mcp.cli.places import plugin_here  # noqa: PLC0415 (see above)

    wanted = plugin_here(reference)
    with open_plugins([wanted]) as workspace:
        plugin = find_plugin(workspace, wanted)
    return [(spec.name, spec.description or spec.title) for spec in plugin.actions.values()]


def _pipelines(reference: str | None) -> Offers:
    from synapse_core.operations.pipelines.verbs import list_pipelines  # noqa: PLC0415 (see above)
    from synapse_mcp.cli.opening import open_plugins  # noqa: PLC0415 (see above)
    from synapse_mcp.cli.places import plugin_here  # noqa: PLC0415 (see above)

    wanted = plugin_here(reference)
    with open_plugins([wanted]) as workspace:
        found = list_pipelines(workspace, wanted)
    return [(one.name, one.description) for one in found]


def _environments() -> Offers:
    from synapse_core.operations.environments import list_environments  # noqa: PLC0415 (see above)
    from synapse_mcp.cli.places import this_home  # noqa: PLC0415 (see above)

    return [(view.name, view.service_url or "") for view in list_environments(this_home())]


def _deployments() -> Offers:
    from synapse_core.operations.deployments.views import deployment_names  # noqa: PLC0415 (see above)
    from synapse_mcp.cli.places import this_home  # noqa: PLC0415 (see above)

    return [(name, "") for name in deployment_names(this_home())]

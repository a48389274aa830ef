"""`synapse env list`."""

from synapse_core.operations.environments import list_environments, unknown_keys
from synapse_mcp.cli.failures import ExitCode
from synapse_mcp.cli.options import JsonOption
from synapse_mcp.cli.output import Output, note
from synapse_mcp.cli.places import this_home

__all__ = ["list_all"]


def list_all(*, as_json: JsonOption = False) -> int:
    """List the environments there are."""
    home = this_home()
    views = list_environments(home)
    output = Output(as_json=as_json)
    for unknown in unknown_keys(home):
        note(f"{home.config_file}, line {unknown.line}: {unknown.key} is unknown. {unknown.hint}")
    if as_json:
        output.json({"environments": views})
        return ExitCode.DONE
    if not views:
        note("No environments. Add one: synapse env add NAME --url https://…")
        return ExitCode.DONE
    rows = [
        (
            "*" if view.is_active else "",
            view.name,
            view.service_url or "",
            view.token or "",
            str(len(view.variables) or ""),
        )
        for view in views
    ]
    output.table(("", "name", "service", "token", "variables"), rows)
    return ExitCode.DONE

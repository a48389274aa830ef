"""`synapse env remove`."""

from synapse_core.operations.environments import remove_environment, show_environment
from synapse_mcp.cli.asking import require_yes
from synapse_mcp.cli.failures import ExitCode
from synapse_mcp.cli.options import EnvironmentArgument, JsonOption, YesOption
from synapse_mcp.cli.output import Output
from synapse_mcp.cli.places import this_home

__all__ = ["remove"]


def remove(
    name: EnvironmentArgument, *, yes: YesOption = False, as_json: JsonOption = False
) -> int:
    """Forget an environment and its token."""
    home = this_home()
    show_environment(home, name)
    require_yes(f"Forget the environment {name!r} and its token?", yes=yes)
    view = remove_environment(home, name)
    output = Output(as_json=as_json)
    if as_json:
        output.json({"removed": view.name})
    else:
        told = " No environment is active now." if view.is_active else ""
        output.line(f"Removed {view.name}.{told}")
    return ExitCode.DONE

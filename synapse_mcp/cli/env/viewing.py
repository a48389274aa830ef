"""An environment as people read it."""

from synapse_core.operations.environments import EnvironmentView
from synapse_mcp.cli.output import Output

__all__ = ["write_environment"]


def write_environment(output: Output, view: EnvironmentView) -> None:
    """Write the environment; `EnvironmentView` holds no secrets."""
    output.line(f"{view.name}{'  (active)' if view.is_active else ''}", "bold")
    output.fields(
        {
            "service": view.service_url or "",
            "token": f"from {view.token}" if view.token else "none",
            "variables": "\n".join(f"{name}={value}" for name, value in view.variables.items()),
        }
    )

"""`synapse run diff`."""

from synapse_core.operations.history import Difference, diff_runs
from synapse_core.operations.runs import find_run
from synapse_core.types import JSONValue
from synapse_mcp.cli.failures import ExitCode
from synapse_mcp.cli.formatting import value_text
from synapse_mcp.cli.opening import open_runs
from synapse_mcp.cli.options import JsonOption, RunArgument
from synapse_mcp.cli.output import Output

__all__ = ["diff"]


def diff(left: RunArgument, right: RunArgument, *, as_json: JsonOption = False) -> int:
    """Show how two runs differ: in params, outcome, metrics, result and files."""
    with open_runs() as workspace:
        found = diff_runs(workspace, find_run(workspace, left), find_run(workspace, right))
    output = Output(as_json=as_json)
    if as_json:
        output.json(found)
        return ExitCode.DONE
    parts = {
        "params": found.params,
        "outcome": found.status,
        "metrics": found.metrics,
        "result": found.result,
        "files": found.artifacts,
    }
    rows = [(title, *_cells(item)) for title, items in parts.items() for item in items]
    if not rows:
        output.line("The runs do not differ.")
        return ExitCode.DONE
    output.table(("part", "what", found.left, found.right), rows)
    return ExitCode.DONE


def _cells(difference: Difference) -> tuple[str, str, str]:
    return difference.path, _shown(difference.left), _shown(difference.right)


def _shown(value: JSONValue) -> str:
    return "–" if value is None else value_text(value)  # noqa: RUF001 a dash for nothing

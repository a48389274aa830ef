"""The commands there are, and where each of them lives.

A command's module is imported when the command is called, so that listing the others costs nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

__all__ = ["GROUPS", "Entry", "Group", "every_command"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A command: what it does, and the function that does it as `module:function`."""

    summary: str
    target: str


@dataclass(frozen=True, slots=True)
class Group:
    """Commands about one thing, by name."""

    summary: str
    entries: Mapping[str, "Entry | Group"]


_CLI = "synapse_mcp.cli"

_PLUGIN = Group(
    "Write, find, check and try plugins.",
    {
        "create": Entry("Make a new plugin from a template.", f"{_CLI}.plugin.create:create"),
        "add-action": Entry("Add an action to a plugin.", f"{_CLI}.plugin.add_action:add_action"),
        "list": Entry("List the plugins there are.", f"{_CLI}.plugin.list:list_plugins"),
        "describe": Entry(
            "Describe a plugin, or one of its actions.", f"{_CLI}.plugin.describe:describe"
        ),
        "check": Entry("Find what keeps a plugin from running.", f"{_CLI}.plugin.check:check"),
        "test": Entry("Run the tests of a plugin.", f"{_CLI}.plugin.test:run_tests"),
        "schema": Entry(
            "Print the JSON schema of an action's params.", f"{_CLI}.plugin.schema:schema"
        ),
        "form": Entry(
            "Print the form that asks for an action's params.", f"{_CLI}.plugin.form:form"
        ),
        "run": Entry("Run an action and follow it to its end.", f"{_CLI}.plugin.run:run"),
        "register": Entry(
            "Look for plugins in a folder from now on.", f"{_CLI}.plugin.register:register"
        ),
        "unregister": Entry(
            "Look for plugins in a folder no longer.", f"{_CLI}.plugin.unregister:unregister"
        ),
    },
)

_RUN = Group(
    "Start, watch and stop runs.",
    {
        "start": Entry("Start a run and return at once.", f"{_CLI}.run.start:start"),
        "list": Entry("List runs, newest first.", f"{_CLI}.run.list:list_some"),
        "show": Entry("Show how a run stands, or how it ended.", f"{_CLI}.run.show:show"),
        "logs": Entry("Print the log of a run.", f"{_CLI}.run.logs:logs"),
        "follow": Entry("Watch a run until it ends.", f"{_CLI}.run.follow:follow"),
        "cancel": Entry("Stop a run.", f"{_CLI}.run.cancel:cancel"),
        "rerun": Entry("Start the action of an earlier run again.", f"{_CLI}.run.rerun:rerun"),
        "outputs": Entry("List the files a run saved, or get one.", f"{_CLI}.run.outputs:outputs"),
        "diff": Entry("Show how two runs differ.", f"{_CLI}.run.diff:diff"),
        "prune": Entry("Remove ended runs with all they left.", f"{_CLI}.run.prune:prune"),
    },
)

_PIPELINE = Group(
    "Run, watch and resume graphs of actions.",
    {
        "run": Entry("Run a pipeline and follow it to its end.", f"{_CLI}.pipeline.submit:run"),
        "submit": Entry("Start a pipeline and return at once.", f"{_CLI}.pipeline.submit:submit"),
        "list": Entry("List the pipelines there are.", f"{_CLI}.pipeline.list:list_all"),
        "show": Entry("Show how a pipeline run stands.", f"{_CLI}.pipeline.show:show"),
        "follow": Entry("Watch a pipeline run until it ends.", f"{_CLI}.pipeline.follow:follow"),
        "resume": Entry(
            "Start a pipeline again where an earlier run of it ended.",
            f"{_CLI}.pipeline.resume:resume",
        ),
        "cancel": Entry("Stop a run.", f"{_CLI}.run.cancel:cancel"),
        "graph": Entry("Draw the graph of a pipeline.", f"{_CLI}.pipeline.graph:graph"),
    },
)

_ENV = Group(
    "Manage environments: endpoints, credentials, variables.",
    {
        "list": Entry("List the environments there are.", f"{_CLI}.env.list:list_all"),
        "add": Entry("Add an environment.", f"{_CLI}.env.add:add"),
        "use": Entry("Choose the environment that runs use.", f"{_CLI}.env.use:use"),
        "show": Entry("Show an environment without its secrets.", f"{_CLI}.env.show:show"),
        "remove": Entry("Forget an environment and its token.", f"{_CLI}.env.remove:remove"),
    },
)

_MCP = Group(
    "Connect agents through the MCP server.",
    {
        "serve": Entry("Serve MCP over stdin and stdout.", f"{_CLI}.mcp.serve:serve"),
        "config": Entry("Print what a client needs to be told.", f"{_CLI}.mcp.config:config"),
        "install": Entry("List the server with an MCP client.", f"{_CLI}.mcp.install:install"),
    },
)

_RAY = Group(
    "Start and stop Ray, to run beyond one process.",
    {
        "up": Entry("Start the Ray cluster of this machine.", f"{_CLI}.ray.up:up"),
        "status": Entry(
            "Show how a Ray cluster stands: nodes, resources, runs.",
            f"{_CLI}.ray.status:status",
        ),
        "down": Entry(
            "Stop the Ray cluster of this machine, or disconnect from another one.",
            f"{_CLI}.ray.down:down",
        ),
    },
)

_DEPLOYMENT = Group(
    "Look at and change what answers requests on Ray Serve.",
    {
        "list": Entry("List deployments with their addresses.", f"{_CLI}.deployment.list:list_all"),
        "status": Entry("Show how a deployment stands.", f"{_CLI}.deployment.status:status"),
        "logs": Entry(
            "Print what the replicas of a deployment say, in the order of time.",
            f"{_CLI}.deployment.logs:logs",
        ),
        "scale": Entry("Have more or fewer processes answer.", f"{_CLI}.deployment.scale:scale"),
        "update": Entry(
            "Serve the plugin as its folder is now.", f"{_CLI}.deployment.update:update"
        ),
        "delete": Entry("Stop serving.", f"{_CLI}.deployment.delete:delete"),
    },
)

GROUPS = Group(
    "Write typed Python actions, run them anywhere, watch them and ship them.",
    {
        "plugin": _PLUGIN,
        "run": _RUN,
        "pipeline": _PIPELINE,
        "env": _ENV,
        "mcp": _MCP,
        "ray": _RAY,
        "deploy": Entry(
            "Serve an action over HTTP, on Ray Serve.", f"{_CLI}.deployment.deploy:deploy"
        ),
        "deployment": _DEPLOYMENT,
        "serve": Entry("Serve the runs of this machine over HTTP.", f"{_CLI}.serve:serve"),
        "doctor": Entry("Find out what is wrong with this installation.", f"{_CLI}.doctor:doctor"),
        "demo": Entry("See what an agent sees, in a minute.", f"{_CLI}.demonstration:demo"),
    },
)
"""All commands, in the order in which help lists them."""


def every_command(group: Group = GROUPS) -> Iterator[tuple[tuple[str, ...], Entry]]:
    """Yield the words of each command with its entry."""
    for name, entry in group.entries.items():
        if isinstance(entry, Group):
            for words, inner in every_command(entry):
                yield (name, *words), inner
        else:
            yield (name,), entry

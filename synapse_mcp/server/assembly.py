"""Puts a server together."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path

import anyio
from mcp.server import CacheHint, InitializationOptions, NotificationOptions, Server
from mcp.server.caching import CacheableMethod
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.server.subscriptions import InMemorySubscriptionBus, SubscriptionBus
from mcp.types import CallToolRequestParams

import synapse_core
from synapse_mcp.prompts.library import PromptLibrary, prompt_folder
from synapse_mcp.prompts.skills import SkillLibrary
from synapse_mcp.resources.catalog import RESOURCES
from synapse_mcp.resources.shelf import Shelf
from synapse_mcp.server.audit import Audit
from synapse_mcp.server.handlers import Handlers
from synapse_mcp.server.host import Host
from synapse_mcp.server.in_flight import InFlight
from synapse_mcp.server.instructions import server_instructions
from synapse_mcp.server.run_tasks import RunTasks
from synapse_mcp.server.skills import add_skills, skill_resources
from synapse_mcp.server.subscriptions import Subscriptions
from synapse_mcp.server.task import TaskSource
from synapse_mcp.server.tasks import add_tasks
from synapse_mcp.settings import Settings
from synapse_mcp.tools.catalog import TOOLS
from synapse_mcp.tools.declaration import Effect
from synapse_mcp.tools.toolbox import Toolbox

__all__ = ["build_server", "initialization_options"]

_NAME = "synapse"
_LISTS = CacheHint(ttl_ms=300_000, scope="public")
"""Lists depend on version and flags only, so a client may keep them."""
_HINTS: Mapping[CacheableMethod, CacheHint] = {
    "tools/list": _LISTS,
    "prompts/list": _LISTS,
    "resources/list": _LISTS,
    "resources/templates/list": _LISTS,
}


def build_server(
    settings: Settings,
    *,
    home: Path | None = None,
    environ: Mapping[str, str] | None = None,
    bus: SubscriptionBus | None = None,
    seal: RequestStateSecurity | None = None,
    task_sources: Sequence[TaskSource] = (),
) -> Server[Host]:
    """Return a server for both eras of the protocol; opens nothing yet.

    It is the low-level server of the SDK, for three reasons: its own validation of arguments would
    speak to the model in the words of pydantic, subscriptions of both eras are open to it, and it
    answers faster. design/mcp.md says more.

    Args:
        settings: Which tools it offers, and where it looks for plugins.
        home: Folder to keep things in; None for `SYNAPSE_HOME`, else `~/.synapse`.
        environ: Environment to read and to hand on to workers; None for the process's own.
        bus: Where changes are published; None for one that nobody else publishes to.
        seal: Protects questions on their way through the client; None for a key of this process.
        task_sources: Where tasks come from besides runs.
    """
    toolbox = Toolbox(TOOLS, settings)
    prompts = PromptLibrary(prompt_folder(), toolbox.names)
    skills = SkillLibrary(prompt_folder(), {tool.name for tool in TOOLS} - toolbox.names)
    tasks = RunTasks(toolbox.names)
    shelf = Shelf(RESOURCES, partial(skill_resources, skills))
    handlers = Handlers(toolbox, shelf, prompts, tasks)
    subscriptions = Subscriptions(bus or InMemorySubscriptionBus())

    server = Server(
        _NAME,
        version=synapse_core.__version__,
        title="Synapse",
        description="Write, run, watch and debug typed Python actions",
        instructions=server_instructions(toolbox.names),
        cache_hints=_HINTS,
        lifespan=_lifespan(settings, home, environ),
        on_list_tools=handlers.list_tools,
        on_list_resources=handlers.list_resources,
        on_list_resource_templates=handlers.list_templates,
        on_read_resource=handlers.read_resource,
        on_list_prompts=handlers.list_prompts,
        on_get_prompt=handlers.get_prompt,
        on_completion=handlers.complete,
        on_subscribe_resource=subscriptions.subscribe,
        on_unsubscribe_resource=subscriptions.unsubscribe,
        on_subscriptions_listen=subscriptions.listen,
    )
    # Not by the constructor, whose type knows no results that are tasks.
    server.add_request_handler("tools/call", CallToolRequestParams, handlers.call_tool)
    sources = (*((tasks,) if "run_start" in toolbox.names else ()), *task_sources)
    if sources:  # without a tool that makes tasks there are none to ask for, or to cancel
        add_tasks(server, sources)
    add_skills(server, skills, _LISTS)
    _add_guards(server, seal or RequestStateSecurity.ephemeral())
    return server


def _lifespan(
    settings: Settings, home: Path | None, environ: Mapping[str, str] | None
) -> Callable[[Server[Host]], AbstractAsyncContextManager[Host]]:
    @asynccontextmanager
    async def lifespan(_server: Server[Host]) -> AsyncGenerator[Host]:
        async with anyio.create_task_group() as beside:
            host = Host(settings, beside, home=home, environ=environ)
            try:
                beside.start_soon(host.warm_up)
                yield host
                beside.cancel_scope.cancel()
            finally:
                host.close()

    return lifespan


def _add_guards(server: Server[Host], seal: RequestStateSecurity) -> None:
    """Set what every request passes on its way in: bounds, then the record, then the seal."""
    changing = frozenset(tool.name for tool in TOOLS if tool.effect is not Effect.READS)
    # A question to the user travels through the client and back: sealed, so that its answer counts
    # for no other question.
    boundary = RequestStateBoundary(seal, default_audience=_NAME)
    server.middleware.extend((InFlight(), Audit(changing), boundary))


def initialization_options(server: Server[Host]) -> InitializationOptions:
    """Return what a handshake tells: lists change only when a recorded answer was out of date."""
    changing = NotificationOptions(tools_changed=True, prompts_changed=True, resources_changed=True)
    return server.create_initialization_options(changing)

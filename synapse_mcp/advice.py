"""What to do about each kind of error: the fix in words, and a call that helps to make it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from synapse_core.types import JSONValue

__all__ = ["Advice", "Fact", "advice_for", "as_call"]


class Fact(Enum):
    """What a call or its error tells, and an example needs."""

    PLUGIN = "plugin"
    """The plugin it was about, as it was named."""
    RUN = "run"
    """The run it was about, as it was named."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do about an error.

    Attributes:
        fix: In words.
        tool: Called next; empty where no call helps.
        arguments: Of that call; a fact stands for what is only known when the error is there.
    """

    fix: str
    tool: str = ""
    arguments: Mapping[str, str | int | Fact] = field(default_factory=dict[str, str | int | Fact])

    def example(self, facts: Mapping[Fact, str]) -> str:
        """Return the call as text; empty when there is none, or a fact that it needs is missing."""
        if not self.tool:
            return ""
        arguments: dict[str, JSONValue] = {}
        for name, value in self.arguments.items():
            if not isinstance(value, Fact):
                arguments[name] = value
            elif value in facts:
                arguments[name] = facts[value]
            else:
                return ""
        return as_call(self.tool, arguments)


def as_call(name: str, arguments: Mapping[str, JSONValue]) -> str:
    """Return a call as text that a model can repeat: the tool's name and its JSON arguments."""
    return f"{name} {json.dumps(arguments, ensure_ascii=False)}"


def advice_for(code: str) -> Advice:
    """Return what to do about errors of this code."""
    return _ADVICE.get(code, _FALLBACK)


_CHECK: Mapping[str, str | int | Fact] = {"path": Fact.PLUGIN}
_ERRORS: Mapping[str, str | int | Fact] = {"run_id": Fact.RUN, "level": "error"}

_FALLBACK = Advice("Correct the call and try again.")

_ADVICE: Mapping[str, Advice] = {
    "plugin_not_found": Advice("Search for the plugins there are.", "plugin_search"),
    "action_not_found": Advice(
        "Describe the plugin to see its actions.", "plugin_describe", {"plugin": Fact.PLUGIN}
    ),
    "run_not_found": Advice("List the runs to see their ids.", "run_list", {"limit": 5}),
    "artifact_not_found": Advice("List what the run saved.", "run_outputs", {"run_id": Fact.RUN}),
    "environment_not_found": Advice("See which environments there are.", "env_doctor"),
    "env_key_not_set": Advice(
        "Pass the variable to the run in `env`, or set it under `env` in the plugin's config.yaml.",
        "plugin_check",
        _CHECK,
    ),
    "not_found": Advice("Look for what exists first.", "plugin_search"),
    "invalid_params": Advice("Correct the params; the schema tells what is allowed."),
    "invalid_manifest": Advice(
        "Correct config.yaml at the places named; the check shows all of them.",
        "plugin_check",
        _CHECK,
    ),
    "invalid_config": Advice("Correct Synapse's configuration; the doctor names it.", "env_doctor"),
    "invalid_cursor": Advice(
        "Pass a next_cursor exactly as the same tool returned it, or leave it out to begin again."
    ),
    "invalid_action": Advice("Correct the action's definition.", "plugin_check", _CHECK),
    "invalid_step": Advice("Correct the action's setup_steps.", "plugin_check", _CHECK),
    "invalid_pipeline": Advice("Correct the pipeline's nodes and edges where named above."),
    "pipeline_not_found": Advice("Look at the runs; those of pipelines are among them."),
    "pipeline_failed": Advice("Read the error of the node named above.", "run_logs", _ERRORS),
    "too_large": Advice("Send less at once, in several requests."),
    "unauthorized": Advice("Tell the user: the token is missing, wrong or not allowed to do that."),
    "rate_limited": Advice("Wait as long as it says, then repeat the call."),
    "event_gap": Advice("Read the log again from its beginning; some of it came late."),
    "invalid_env_value": Advice("Pass a value of the type that the action asks for."),
    "invalid_input": Advice("Correct the value named above and call again."),
    "path_refused": Advice(
        "Give a path inside the server's roots, which config://effective lists.", "plugin_search"
    ),
    "confirmation_required": Advice(
        "Ask the user, then repeat the call with the words named above."
    ),
    "overwrite_refused": Advice(
        "Choose another name or folder, or edit the files that are there.",
        "plugin_scaffold",
        {"name": "another_name", "dry_run": True},
    ),
    "refused": Advice("A rule of this installation forbids it; config://effective shows them."),
    "conflict": Advice("Look at the run's status first.", "run_status", {"run_id": Fact.RUN}),
    "lease_lost": Advice("Look at the run's status; it goes on elsewhere or has ended."),
    "run_failed": Advice("Read the error and the log.", "run_logs", _ERRORS),
    "action_failed": Advice(
        "Correct the action at the place named, then run it again.", "run_logs", _ERRORS
    ),
    "action_load_failed": Advice(
        "Correct the import or the entrypoint; the check names file and line.",
        "plugin_check",
        _CHECK,
    ),
    "step_failed": Advice("Read the step's error in the log.", "run_logs", _ERRORS),
    "dependency_failed": Advice(
        "Correct the requirement named above in the plugin's requirements.txt or pyproject.toml.",
        "plugin_check",
        _CHECK,
    ),
    "invalid_result": Advice(
        "Return what the action's result model asks for, or correct the model.",
        "plugin_describe",
        {"plugin": Fact.PLUGIN},
    ),
    "run_timeout": Advice(
        "Allow more time with timeout_s, or find out what was slow in the log.",
        "run_logs",
        {"run_id": Fact.RUN},
    ),
    "run_cancelled": Advice("Start it again if that was not meant.", "run_list", {"limit": 5}),
    "worker_lost": Advice(
        "Read the last lines of the log, then start it again; the doctor looks for a cause.",
        "env_doctor",
    ),
    "storage_failed": Advice("Free disk space or correct the permissions.", "env_doctor"),
    "store_unavailable": Advice("Try again in a moment; the doctor names the cause.", "env_doctor"),
    "journal_failed": Advice("The log of this run is damaged; start the run again.", "env_doctor"),
    "missing_extra": Advice("Install the package named above where synapse-mcp is installed."),
    "invalid_arguments": Advice("Correct the arguments named above and call again."),
    "tool_not_found": Advice("Call one of the tools that tools/list returns.", "plugin_search"),
    "resource_not_found": Advice("Read one of the listed resources and templates."),
    "result_too_large": Advice("Ask for less: a smaller limit, or one item by name."),
}

"""What a plugin offers, read without executing it."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from synapse_core.model.run import Resources, RetryPolicy
from synapse_core.types import JSONObject, JSONValue

__all__ = [
    "ActionForm",
    "ActionMethod",
    "ActionSchema",
    "ActionSpec",
    "Diagnostic",
    "Plugin",
    "PluginCategory",
    "Severity",
]


class PluginCategory(StrEnum):
    """What a plugin or action is for."""

    NEURAL_NET = "neural_net"
    EXPORT = "export"
    UPLOAD = "upload"
    SMART_TOOL = "smart_tool"
    PRE_ANNOTATION = "pre_annotation"
    POST_ANNOTATION = "post_annotation"
    DATA_VALIDATION = "data_validation"
    CUSTOM = "custom"


class ActionForm(StrEnum):
    """How an action is written."""

    CLASS = "class"
    FUNCTION = "function"


class ActionMethod(StrEnum):
    """How an action wants to be placed beyond one process."""

    TASK = "task"
    JOB = "job"
    SERVE = "serve"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionSpec:
    """One action as declared by the manifest or found in source, without importing it.

    Attributes:
        name: Its name within the plugin.
        entrypoint: `module:attribute`; empty when unknown.
        title: Name for people.
        description: What it does, in a sentence.
        category: What it is for.
        method: How it wants to be placed.
        input_type: Name of the semantic type it consumes.
        output_type: Name of the semantic type it produces.
        resources: What it needs.
        timeout_s: Seconds one attempt may take; None for no limit.
        retry: How failed attempts are repeated.
        kind: `class` or `function`; `pipeline` where one is told as an action; empty when unknown.
        file: Source file relative to the plugin's folder; empty when unknown.
        line: Line of the definition, from 1; 0 when unknown.
    """

    name: str
    entrypoint: str
    title: str = ""
    description: str = ""
    category: PluginCategory = PluginCategory.CUSTOM
    method: ActionMethod = ActionMethod.TASK
    input_type: str | None = None
    output_type: str | None = None
    resources: Resources = Resources()
    timeout_s: float | None = None
    retry: RetryPolicy = RetryPolicy()
    kind: str = ""
    file: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionSchema:
    """What importing an action tells about it.

    Attributes:
        params: JSON schema (2020-12) of the params.
        result: JSON schema of the result; None when the action declares no result model.
        form: FormKit nodes that ask for the params.
        example: Params that meet the schema.
    """

    params: JSONObject
    result: JSONObject | None
    form: list[JSONValue]
    example: JSONObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """A plugin folder as its manifest and its source describe it.

    Attributes:
        code: Short identifier.
        path: Absolute, resolved folder.
        manifest: `config.yaml` as checked, in JSON form.
        actions: Declared and found actions by name, declared ones first.
        stamp: Changes whenever a file that could change the description changes.
    """

    code: str
    name: str
    version: str
    path: Path
    category: PluginCategory = PluginCategory.CUSTOM
    description: str = ""
    env: dict[str, str] = field(default_factory=dict[str, str])
    manifest: JSONObject = field(default_factory=dict[str, JSONValue])
    actions: dict[str, ActionSpec] = field(default_factory=dict[str, ActionSpec])
    stamp: str = ""


class Severity(StrEnum):
    """How bad a finding is; a plugin with an error cannot be run."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """A finding about a plugin, at a place, with its remedy.

    Attributes:
        code: Stable identifier of the kind of finding.
        message: What is wrong, with which value.
        file: Path relative to the plugin's folder.
        line: From 1; 0 when there is no single place.
        column: From 1; 0 when there is no single place.
        key: Dotted path in `config.yaml`, when the finding is about one.
        fix: What to change.
    """

    code: str
    message: str
    severity: Severity = Severity.ERROR
    file: str = ""
    line: int = 0
    column: int = 0
    key: str = ""
    fix: str = ""

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        head = f"{place}: " if place else ""
        return f"{head}{self.severity} [{self.code}] {self.message} {self.fix}".rstrip()

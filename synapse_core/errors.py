"""Every error Synapse raises, in one tree.

    SynapseError
    ├── InvalidInputError (ValueError)            the caller gave something that cannot be used
    │   ├── ParamsError                           params do not meet the action's schema
    │   ├── ManifestError                         config.yaml is missing, broken or wrong
    │   ├── ConfigError                           Synapse's own configuration is wrong
    │   ├── CursorError                           a cursor was not made by Synapse
    │   ├── ActionDefinitionError                 a class or function cannot be an action
    │   ├── StepDefinitionError                   a step is unknown, or its name is taken
    │   ├── PipelineDefinitionError               a graph of actions cannot be executed
    │   └── EnvironmentValueError                 a plugin variable is not of the wanted type
    ├── NotFoundError (LookupError)               something named does not exist
    │   ├── PluginNotFoundError
    │   ├── ActionNotFoundError
    │   ├── PipelineNotFoundError
    │   ├── RunNotFoundError
    │   ├── ArtifactNotFoundError
    │   ├── EnvironmentNotFoundError
    │   └── EnvironmentKeyError (KeyError)        a plugin variable is not set
    ├── RefusedError (PermissionError)            a rule of this installation forbids it
    │   ├── PathRefusedError                      outside the allowed roots, or not a safe path
    │   ├── ConfirmationRequiredError             a destructive verb without a yes
    │   └── OverwriteRefusedError                 a file is already there
    ├── ConflictError (RuntimeError)              the run is not in a state that allows it
    │   └── LeaseLostError                        another worker owns the run now
    ├── RunError (RuntimeError)                   how a run can end badly
    │   ├── PipelineError                         a node of a pipeline failed
    │   ├── ActionError                           user code raised, exited or could not be loaded
    │   │   ├── ActionLoadError                   the entrypoint cannot be imported, or is no action
    │   │   └── StepError                         a step failed
    │   ├── DependencyError                       a library the plugin asks for cannot be provided
    │   ├── ResultError                           the result does not meet the action's result model
    │   ├── RunTimeoutError (TimeoutError)        the run used up its time
    │   ├── RunCancelledError                     somebody cancelled the run
    │   └── WorkerLostError                       the process running it vanished
    ├── StorageError (OSError)                    a file or database could not be read or written
    │   ├── StoreUnavailableError                 the run store is locked, read-only or full
    │   └── JournalError                          a journal could not be written or is damaged
    └── MissingExtraError (ImportError)           an optional dependency is not installed

Each error says what happened, with which value, and in `hint` what to do next: a model reads it.
`code` is stable and part of the public promise; the wording is not.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, ClassVar, Self

from synapse_core.types import JSONValue

__all__ = [
    "ActionDefinitionError",
    "ActionError",
    "ActionLoadError",
    "ActionNotFoundError",
    "ArtifactNotFoundError",
    "ConfigError",
    "ConfirmationRequiredError",
    "ConflictError",
    "CursorError",
    "DependencyError",
    "EnvironmentKeyError",
    "EnvironmentNotFoundError",
    "EnvironmentValueError",
    "EventGapError",
    "InvalidInputError",
    "JournalError",
    "LeaseLostError",
    "ManifestError",
    "MissingExtraError",
    "NotFoundError",
    "OverwriteRefusedError",
    "ParamsError",
    "PathRefusedError",
    "PipelineDefinitionError",
    "PipelineError",
    "PipelineNotFoundError",
    "PluginNotFoundError",
    "RateLimitedError",
    "RefusedError",
    "ResultError",
    "RunCancelledError",
    "RunError",
    "RunNotFoundError",
    "RunTimeoutError",
    "StepDefinitionError",
    "StepError",
    "StorageError",
    "StoreUnavailableError",
    "SynapseError",
    "TooLargeError",
    "UnauthorizedError",
    "WorkerLostError",
    "nearest",
]


class SynapseError(Exception):
    """Root of every error raised on purpose by Synapse.

    Attributes:
        code: Stable identifier of the kind of error.
        message: What happened, with which value.
        hint: What to do next; may be empty.
        data: Facts about the failure, as JSON values.
    """

    code: ClassVar[str] = "synapse_error"

    def __init__(self, message: str, *, hint: str = "", **data: JSONValue) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.data = data

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        # Leaves have constructors of their own; errors cross processes, so rebuild from the parts.
        return (_rebuild, (type(self), self.message, self.hint, self.data))

    @classmethod
    def rebuild(cls, message: str, hint: str, data: dict[str, JSONValue]) -> Self:
        """Make the error again from its parts, past the constructor of a leaf."""
        # OSError makes its instances itself, and only it may make those of its subclasses.
        base = OSError if issubclass(cls, OSError) else Exception
        error = base.__new__(cls, message)
        SynapseError.__init__(error, message, hint=hint, **data)
        return error


def _rebuild(
    cls: type[SynapseError], message: str, hint: str, data: dict[str, JSONValue]
) -> SynapseError:
    return cls.rebuild(message, hint, data)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `Did you mean 'x'?` for the known name closest to `name`, or an empty string."""
    matches = get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"Did you mean {matches[0]!r}?" if matches else ""


class InvalidInputError(SynapseError, ValueError):
    """The caller gave something that cannot be used."""

    code = "invalid_input"


class ParamsError(InvalidInputError):
    """Params do not meet the action's schema; `data["problems"]` lists path, message and input."""

    code = "invalid_params"


class ManifestError(InvalidInputError):
    """A `config.yaml` is missing, broken or wrong; `data["diagnostics"]` lists each place."""

    code = "invalid_manifest"


class ConfigError(InvalidInputError):
    """Synapse's own configuration is wrong."""

    code = "invalid_config"


class CursorError(InvalidInputError):
    """A cursor was not made by Synapse, or belongs to another list."""

    code = "invalid_cursor"


class ActionDefinitionError(InvalidInputError):
    """A class or function is written so that it cannot be an action."""

    code = "invalid_action"


class StepDefinitionError(InvalidInputError):
    """A step is unknown, or its name is already taken."""

    code = "invalid_step"


class PipelineDefinitionError(InvalidInputError):
    """A graph of actions cannot be executed; `data["problems"]` lists node, field and message."""

    code = "invalid_pipeline"


class EnvironmentValueError(InvalidInputError):
    """A plugin variable is set, but not to a value of the wanted type."""

    code = "invalid_env_value"


class TooLargeError(InvalidInputError):
    """What was sent to a service is larger than it accepts."""

    code = "too_large"


class NotFoundError(SynapseError, LookupError):
    """Something named does not exist."""

    code = "not_found"


class PluginNotFoundError(NotFoundError):
    """No plugin has this code, and no plugin folder lies at this path."""

    code = "plugin_not_found"


class ActionNotFoundError(NotFoundError):
    """The plugin has no action of this name."""

    code = "action_not_found"

    def __init__(self, plugin: str, action: str, known: Iterable[str]) -> None:
        names = sorted(known)
        listed = ", ".join(names) or "none"
        hint = f"{nearest(action, names)} Actions of {plugin}: {listed}.".strip()
        super().__init__(
            f"Plugin {plugin!r} has no action {action!r}.",
            hint=hint,
            plugin=plugin,
            action=action,
            known=list[JSONValue](names),
        )


class PipelineNotFoundError(NotFoundError):
    """The plugin has no pipeline of this name."""

    code = "pipeline_not_found"

    def __init__(self, plugin: str, pipeline: str, known: Iterable[str]) -> None:
        names = sorted(known)
        listed = ", ".join(names) or "none"
        super().__init__(
            f"Plugin {plugin!r} has no pipeline {pipeline!r}.",
            hint=f"{nearest(pipeline, names)} Pipelines of {plugin}: {listed}.".strip(),
            plugin=plugin,
            pipeline=pipeline,
            known=list[JSONValue](names),
        )


class RunNotFoundError(NotFoundError):
    """No run has this id in the store that was asked."""

    code = "run_not_found"

    def __init__(self, run_id: str, known: Iterable[str] = ()) -> None:
        hint = f"{nearest(run_id, known)} List runs to see the known ids.".strip()
        super().__init__(f"No run {run_id!r} in this store.", hint=hint, run_id=run_id)


class ArtifactNotFoundError(NotFoundError):
    """The run saved no artifact of this name."""

    code = "artifact_not_found"


class EnvironmentNotFoundError(NotFoundError):
    """No environment of this name is configured."""

    code = "environment_not_found"


class EnvironmentKeyError(NotFoundError, KeyError):
    """A plugin variable is not set and has no default."""

    code = "env_key_not_set"


class RefusedError(SynapseError, PermissionError):
    """A rule of this installation forbids what was asked."""

    code = "refused"


class PathRefusedError(RefusedError):
    """A path lies outside the allowed roots, or is not safe to touch."""

    code = "path_refused"


class ConfirmationRequiredError(RefusedError):
    """A destructive verb was called without a yes."""

    code = "confirmation_required"


class OverwriteRefusedError(RefusedError):
    """A file is already there and the caller did not say to replace it."""

    code = "overwrite_refused"


class UnauthorizedError(RefusedError):
    """A request to a service carries no token, or none that the service knows."""

    code = "unauthorized"


class RateLimitedError(RefusedError):
    """A client asked more often than the service allows; `data["retry_after_s"]` says when next."""

    code = "rate_limited"


class ConflictError(SynapseError, RuntimeError):
    """The run is not in a state that allows what was asked."""

    code = "conflict"


class LeaseLostError(ConflictError):
    """Another worker owns the run now, or it has already ended."""

    code = "lease_lost"


class EventGapError(ConflictError):
    """Events sent to a service do not follow those it has; `data["expected_seq"]` comes next."""

    code = "event_gap"


class RunError(SynapseError, RuntimeError):
    """A run ended without a result."""

    code = "run_failed"


class PipelineError(RunError):
    """A node of a pipeline failed; `data` names it, and has the results of those that did not."""

    code = "pipeline_failed"


class ActionError(RunError):
    """User code raised, exited or could not be loaded."""

    code = "action_failed"


class ActionLoadError(ActionError):
    """The entrypoint could not be imported, or what it names is no action."""

    code = "action_load_failed"


class StepError(ActionError):
    """A step of an action failed; rollback errors stand beside the first in an ExceptionGroup."""

    code = "step_failed"


class DependencyError(RunError):
    """A library the plugin asks for cannot be provided; `data` names the requirement, if known."""

    code = "dependency_failed"


class ResultError(RunError):
    """The result does not meet the action's result model."""

    code = "invalid_result"


class RunTimeoutError(RunError, TimeoutError):
    """The run used up its time and was stopped."""

    code = "run_timeout"


class RunCancelledError(RunError):
    """Somebody cancelled the run."""

    code = "run_cancelled"


class WorkerLostError(RunError):
    """The process executing the run vanished without leaving an outcome."""

    code = "worker_lost"


class StorageError(SynapseError, OSError):
    """A file or database could not be read or written."""

    code = "storage_failed"


class StoreUnavailableError(StorageError):
    """The run store is locked, read-only, full or damaged."""

    code = "store_unavailable"


class JournalError(StorageError):
    """A journal could not be written, or is damaged before its last line."""

    code = "journal_failed"


class MissingExtraError(SynapseError, ImportError):
    """An optional dependency is not installed."""

    code = "missing_extra"

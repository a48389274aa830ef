"""What is deployed: a deployment, and its releases."""

import re
from dataclasses import dataclass, field, fields
from typing import Any

from synapse_core.errors import InvalidInputError
from synapse_core.logs.secret_shapes import hide_shapes
from synapse_core.types import JSONObject

__all__ = [
    "Deployment",
    "Release",
    "ServeSettings",
    "check_deployment_name",
    "check_model_id",
    "deployment_from_json",
    "release_from_json",
]

MAX_NAME_CHARS = 63

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?")
_MODEL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@:/+-]{0,199}")
_SIGNED = re.compile(r"eyJ[\w-]{5,}\.")
"""The beginning of a signed token (JWT)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeSettings:
    """How requests are answered.

    Attributes:
        batch_size: Most requests that are answered together.
        batch_wait_s: Seconds that the first of a batch waits for others.
        concurrency: Calls into the action at once, in one replica.
        models: Models that a replica keeps loaded; 0 for the default model only.
        timeout_s: Seconds that one request may take.
        start_timeout_s: Seconds until the action must be ready to answer.
        scale_up_after_s: Seconds of more requests than wanted until there are more replicas.
        scale_down_after_s: Seconds of fewer ones until there are fewer.
        queue: Requests that may wait.
        body_bytes: Most that one request may hold.
    """

    batch_size: int = 1
    batch_wait_s: float = 0.01
    concurrency: int = 1
    models: int = 0
    timeout_s: float = 60.0
    start_timeout_s: float = 600.0
    scale_up_after_s: float = 10.0
    scale_down_after_s: float = 120.0
    queue: int = 200
    body_bytes: int = 10 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One version of what a deployment serves; it never changes.

    Attributes:
        number: From 1, growing.
        plugin: Code of the plugin.
        version: Version of the plugin, as its manifest says.
        action: Name of the action.
        entrypoint: Where the action is found.
        folder: Copy of the plugin's folder.
        digest: Of the copied files.
        settings: How requests are answered.
        cpus: CPU cores that each replica reserves, possibly a fraction.
        gpus: GPUs that each replica reserves, possibly a fraction.
        memory_mb: Memory that each replica reserves and may use, in MiB; 0 for no limit.
        custom: What else each replica reserves, by the names that nodes have for it.
        env: Variables for the action.
        environ: Variables of the door, the allow-listed ones and those for installers.
        token_digest: SHA-256 of the token that requests must carry; empty for none.
        created_at: Unix time.
    """

    number: int
    plugin: str
    version: str
    action: str
    entrypoint: str
    folder: str
    digest: str
    settings: ServeSettings = field(default_factory=ServeSettings)
    cpus: float = 1.0
    gpus: float = 0.0
    memory_mb: int = 0
    custom: dict[str, float] = field(default_factory=dict[str, float])
    env: dict[str, str] = field(default_factory=dict[str, str])
    environ: dict[str, str] = field(default_factory=dict[str, str])
    token_digest: str = ""
    created_at: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What is wanted under one name.

    Attributes:
        name: Its name; requests go to `/<name>`.
        plugin: Code of the plugin.
        plugin_path: Folder of the plugin, from which the next release is made.
        action: Name of the action.
        release: Number of the wanted release.
        replicas: How many processes answer; the fewest of them, if their number follows requests.
        max_replicas: The most of them then; 0 when their number is fixed.
        target_requests: Requests at a time that each of them should have then.
        is_scaled: Whether somebody has said so; else their number is as each release declares it.
        cluster: Name or address of the cluster; empty for the one of this machine.
        created_at: Unix time of the first release.
        updated_at: Unix time of the last change.
    """

    name: str
    plugin: str
    plugin_path: str
    action: str
    release: int
    replicas: int
    max_replicas: int = 0
    target_requests: float = 2.0
    is_scaled: bool = False
    cluster: str = ""
    created_at: float = 0.0
    updated_at: float = 0.0


def check_deployment_name(name: str) -> str:
    """Return the name, which goes into URLs and paths.

    Raises:
        InvalidInputError: It cannot be one.
    """
    if len(name) > MAX_NAME_CHARS or not _NAME.fullmatch(name) or ".." in name:
        raise InvalidInputError(
            f"{name[:80]!r} is no name for a deployment.",
            hint=f"Use up to {MAX_NAME_CHARS} lower-case letters, digits, `-`, `_` and `.`, with a "
            "letter or digit at both ends.",
        )
    return name


def check_model_id(model_id: str) -> str:
    """Return the id of a model as a request names it.

    Ids are kept by the cluster to find the replica that has a model loaded, and shown to whoever
    may look at it. So nothing that looks like a credential is taken for one.

    Raises:
        InvalidInputError: It cannot be one; the message does not repeat it.
    """
    if not _MODEL_ID.fullmatch(model_id):
        raise InvalidInputError(
            "The id of the model has characters that it cannot have, or more than 200 of them.",
            hint="Use letters, digits and `._@:/+-`, with a letter or digit first.",
        )
    if _SIGNED.search(model_id) or hide_shapes(model_id) != model_id:
        raise InvalidInputError(
            "The id of the model looks like a token, and ids are no secrets.",
            hint="Name the model only; credentials belong into a variable of the deployment.",
        )
    return model_id


def deployment_from_json(told: JSONObject) -> Deployment:
    """Return the deployment that was kept, perhaps by a later version that knows more of it."""
    return Deployment(**_known(Deployment, told))


def release_from_json(told: JSONObject) -> Release:
    """Return the release that was kept, perhaps by a later version that knows more of it."""
    settings = told["settings"]
    kept = ServeSettings(**_known(ServeSettings, settings if isinstance(settings, dict) else {}))
    given: dict[str, Any] = {**_known(Release, told), "settings": kept}
    return Release(**given)


def _known(kind: type, told: JSONObject) -> dict[str, Any]:
    names = {one.name for one in fields(kind)}
    return {key: value for key, value in told.items() if key in names}

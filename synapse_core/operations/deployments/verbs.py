"""Deploy actions, change what is deployed, and end it."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from synapse_core.config.atomic import lock_file
from synapse_core.config.home import Home
from synapse_core.errors import (
    ActionNotFoundError,
    ConflictError,
    EnvironmentKeyError,
    InvalidInputError,
    StorageError,
)
from synapse_core.executors.ray.cluster.extra import require_serve
from synapse_core.executors.ray.cluster.orders import ServeOrder
from synapse_core.executors.ray.cluster.variables import launch_variables
from synapse_core.model.plugin import ActionMethod, ActionSpec, Plugin
from synapse_core.model.run import Resources
from synapse_core.operations.clusters.verbs import cluster_door
from synapse_core.operations.deployments.scale import Scale
from synapse_core.operations.deployments.views import DeploymentView, show_deployment
from synapse_core.operations.plugins import find_plugin
from synapse_core.plugins.layout import MANIFEST
from synapse_core.plugins.manifest import ActionEntry
from synapse_core.plugins.manifest_parts import ServeEntry
from synapse_core.plugins.parsing import load_manifest
from synapse_core.serving.copying import copy_plugin
from synapse_core.serving.release import (
    Deployment,
    Release,
    ServeSettings,
    check_deployment_name,
)
from synapse_core.serving.shelf import Shelf
from synapse_core.workspace import Workspace

__all__ = [
    "Deploy",
    "Scale",
    "delete_deployment",
    "deploy",
    "deploy_action",
    "scale_deployment",
    "update_deployment",
]

_APPLY_S = 180.0
"""Serve may have to start, and the cluster before it."""

_LOCK_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Deploy:
    """What to deploy, and how.

    Attributes:
        plugin: Code of a plugin, or path of its folder.
        action: Name of the action; None for the only one with `method: serve`.
        name: Name of the deployment; None for one made of plugin and action.
        scale: How many processes answer; what it leaves open is as it was, or as the action says.
        cluster: Name or address of the cluster; empty for the one of this machine.
        env: Variables for the action, besides the plugin's and the allow-listed ones.
        resources: What each replica reserves; None for what the action says.
    """

    plugin: str
    action: str | None = None
    name: str | None = None
    scale: Scale = field(default_factory=Scale)
    cluster: str = ""
    env: dict[str, str] = field(default_factory=dict[str, str])
    resources: Resources | None = None


def deploy(workspace: Workspace, environ: Mapping[str, str], request: Deploy) -> DeploymentView:
    """Serve an action under a name, or have the deployment of that name serve it from now on.

    Returns at once; `wait_deployment` waits until it answers.

    Raises:
        PluginNotFoundError: No such plugin.
        ActionNotFoundError: No such action, or none or several with `method: serve`.
        MissingExtraError: Ray Serve is not installed.
        SynapseError: It cannot be deployed.
    """
    if workspace.service is not None:
        raise InvalidInputError(
            "Deployments are made on this machine, and a service has the runs of this environment.",
            hint="Deploy on the machine of the service, or use another environment.",
        )
    plugin = find_plugin(workspace, request.plugin)
    spec = _choose(plugin, request.action)
    if request.resources is not None:
        spec = replace(spec, resources=request.resources)
    entry = load_manifest(plugin.path).actions.get(spec.name) if _has_manifest(plugin) else None
    return deploy_action(
        workspace.home, environ, plugin, spec, entry or ActionEntry(), request=request
    )


def deploy_action(
    home: Home,
    environ: Mapping[str, str],
    plugin: Plugin,
    spec: ActionSpec,
    entry: ActionEntry,
    *,
    request: Deploy,
) -> DeploymentView:
    """Serve an action that was found already; else as `deploy`."""
    require_serve()
    name = check_deployment_name(request.name or _name_for(plugin.code, spec.name))
    shelf = Shelf(home)
    home.ensure()
    shelf.folder.mkdir(mode=0o700, exist_ok=True)
    with lock_file(shelf.lock(name), timeout_s=_LOCK_S):
        before = shelf.find(name)
        _refuse_other(before, plugin, spec, request)
        numbers = shelf.numbers(name)
        release = _release(
            shelf,
            name,
            plugin,
            spec,
            entry.serve,
            {**environ},
            request.env,
            number=(numbers[-1] if numbers else 0) + 1,
        )
        shelf.keep_release(name, release)
        now = time.time()
        is_scaled = before is not None and before.is_scaled
        scale = request.scale.over(before if before and is_scaled else entry.serve)
        deployment = Deployment(
            name=name,
            plugin=plugin.code,
            plugin_path=str(plugin.path),
            action=spec.name,
            release=release.number,
            replicas=scale.replicas,
            max_replicas=scale.max_replicas,
            target_requests=scale.target_requests,
            is_scaled=is_scaled or not request.scale.is_open,
            cluster=request.cluster or (before.cluster if before else ""),
            created_at=before.created_at if before else now,
            updated_at=now,
        )
        _apply(home, environ, deployment, before)
        shelf.forget_old_releases(name)
    return show_deployment(home, environ, name)


def update_deployment(
    workspace: Workspace,
    environ: Mapping[str, str],
    name: str,
    *,
    env: Mapping[str, str] | None = None,
) -> DeploymentView:
    """Serve the plugin as its folder is now; requests are answered meanwhile.

    One that was stopped with its cluster is served again.

    Args:
        workspace: Where it is kept.
        environ: Variables of the calling process.
        name: Its name.
        env: Variables for the action; None to keep those of the release before.

    Raises:
        NotFoundError: There is no such deployment.
        SynapseError: As for `deploy`.
    """
    shelf = Shelf(workspace.home)
    before = shelf.get(name)
    kept = shelf.release(name, before.release).env if env is None else dict(env)
    plugin = find_plugin(workspace, before.plugin_path)
    own = {key for key, value in plugin.env.items() if kept.get(key) == value}
    return deploy(
        workspace,
        environ,
        Deploy(
            plugin=before.plugin_path,
            action=before.action,
            name=name,
            cluster=before.cluster,
            env={key: value for key, value in kept.items() if key not in own},
        ),
    )


def scale_deployment(
    home: Home, environ: Mapping[str, str], name: str, scale: Scale
) -> DeploymentView:
    """Have more or fewer processes answer, or their number follow the requests.

    Raises:
        NotFoundError: There is no such deployment.
        InvalidInputError: There cannot be so many.
        ConflictError: The cluster refuses it; nothing is changed.
    """
    shelf = Shelf(home)
    shelf.get(name)
    with lock_file(shelf.lock(name), timeout_s=_LOCK_S):
        before = shelf.get(name)
        wanted = scale.over(before)
        deployment = replace(
            before,
            replicas=wanted.replicas,
            max_replicas=wanted.max_replicas,
            target_requests=wanted.target_requests,
            is_scaled=True,
            updated_at=time.time(),
        )
        _apply(home, environ, deployment, before)
    return show_deployment(home, environ, name)


def delete_deployment(home: Home, environ: Mapping[str, str], name: str) -> None:
    """Stop serving, once requests that are under way are answered, and remove all that is kept.

    Raises:
        NotFoundError: There is no such deployment.
        WorkerLostError: Its cluster cannot be reached, which is not the one of this machine.
    """
    shelf = Shelf(home)
    with lock_file(shelf.lock(name), timeout_s=_LOCK_S):
        try:
            cluster = shelf.get(name).cluster
        except StorageError:  # it cannot be read; where it was served is as good as any guess
            cluster = ""
        door = cluster_door(home, environ, cluster)
        if door.record() is not None or not door.cluster.is_ours:
            door.ask(ServeOrder(verb="delete", name=name), timeout_s=_APPLY_S)
        shelf.remove(name)


def _apply(
    home: Home, environ: Mapping[str, str], deployment: Deployment, before: Deployment | None
) -> None:
    """Have a deployment served as it is wanted now; when that is refused, all stays as it was."""
    shelf, name = Shelf(home), deployment.name
    shelf.keep(deployment)
    order = ServeOrder(verb="apply", name=name)
    try:
        cluster_door(home, environ, deployment.cluster).ask(order, timeout_s=_APPLY_S)
    except (InvalidInputError, ConflictError):
        if before is None:
            shelf.remove(name)
        else:
            shelf.keep(before)
        raise


def _release(
    shelf: Shelf,
    name: str,
    plugin: Plugin,
    spec: ActionSpec,
    serve: ServeEntry,
    environ: dict[str, str],
    env: Mapping[str, str],
    *,
    number: int,
) -> Release:
    copies = shelf.copies(name)
    copies.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder, digest = copy_plugin(plugin.path, copies)
    variables = {**plugin.env, **env}
    wanted = spec.resources
    return Release(
        number=number,
        plugin=plugin.code,
        version=plugin.version,
        action=spec.name,
        entrypoint=spec.entrypoint,
        folder=str(folder),
        digest=digest,
        settings=ServeSettings(
            batch_size=serve.batch.size,
            batch_wait_s=serve.batch.wait,
            concurrency=serve.concurrency,
            models=serve.models,
            scale_up_after_s=serve.scale_up_after,
            scale_down_after_s=serve.scale_down_after,
            timeout_s=serve.timeout,
            start_timeout_s=serve.start_timeout,
            queue=serve.queue,
            body_bytes=serve.body << 20,
        ),
        cpus=1.0 if wanted.cpus is None else wanted.cpus,
        gpus=wanted.gpus or 0.0,
        memory_mb=wanted.memory_mb or 0,
        custom=dict(wanted.custom),
        env=variables,
        environ=launch_variables(environ),
        token_digest=_digest_token(serve.token, {**environ, **variables}),
        created_at=time.time(),
    )


def _digest_token(variable: str | None, variables: Mapping[str, str]) -> str:
    if variable is None:
        return ""
    token = variables.get(variable, "").strip()
    if not token:
        raise EnvironmentKeyError(
            f"The variable {variable}, which holds the token of the deployment, is not set.",
            hint=f"Set it: export {variable}=…, or add it to the variables of the environment.",
        )
    return sha256(token.encode()).hexdigest()


def _choose(plugin: Plugin, action: str | None) -> ActionSpec:
    served = [name for name, spec in plugin.actions.items() if spec.method is ActionMethod.SERVE]
    if action is None and len(served) == 1:
        return plugin.actions[served[0]]
    if action is not None and action in plugin.actions:
        return plugin.actions[action]
    if action is not None:
        raise ActionNotFoundError(plugin.code, action, plugin.actions)
    what = f"Several actions have it: {', '.join(served)}." if served else "None has it."
    raise InvalidInputError(
        f"Which action of {plugin.code} to deploy is open: `method: serve` tells. {what}",
        hint=f"Name one of: {', '.join(plugin.actions) or 'none'}.",
    )


def _refuse_other(
    before: Deployment | None, plugin: Plugin, spec: ActionSpec, request: Deploy
) -> None:
    """Keep a name for what it stands for: its clients expect that."""
    if before is None:
        return
    if (before.plugin, before.action) != (plugin.code, spec.name):
        raise InvalidInputError(
            f"The deployment {before.name!r} serves {before.plugin}/{before.action}, "
            f"not {plugin.code}/{spec.name}.",
            hint="Choose another name, or delete that one first.",
        )
    if request.cluster and request.cluster != before.cluster:
        raise InvalidInputError(
            f"The deployment {before.name!r} is on another cluster.",
            hint="Choose another name, or delete it first.",
        )


def _name_for(plugin: str, action: str) -> str:
    name = re.sub(r"[^a-z0-9._-]+", "-", f"{plugin}-{action}".lower())
    return re.sub(r"\.\.+", ".", name).strip("-._")


def _has_manifest(plugin: Plugin) -> bool:
    return (Path(plugin.path) / MANIFEST).is_file()

"""Actions whose run deploys another action of their plugin, as a step of a pipeline may."""

import inspect
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel

from synapse_core.actions.base import BaseAction
from synapse_core.actions.definition import definition_of
from synapse_core.config.home import Home
from synapse_core.errors import ActionDefinitionError, ActionError, ConflictError
from synapse_core.model.run import Resources
from synapse_core.operations.clusters.verbs import cluster_door
from synapse_core.operations.deployments.scale import Scale
from synapse_core.operations.deployments.verbs import Deploy, deploy
from synapse_core.operations.deployments.views import (
    DeploymentState,
    DeploymentView,
    wait_deployment,
)
from synapse_core.plugins.layout import MANIFEST
from synapse_core.types import JSONObject
from synapse_core.workspace import open_workspace

__all__ = ["BaseDeploymentAction"]

P = TypeVar("P", bound=BaseModel)


class BaseDeploymentAction(BaseAction[P], Generic[P]):
    """An action that deploys: derive from it and name what is to be served.

    Attributes:
        entrypoint: The action to serve: its class or function, or its name in the plugin.
        start_timeout_s: Seconds that the deployment may take until it answers.
    """

    entrypoint: ClassVar[Any] = None
    start_timeout_s: ClassVar[float] = 600.0

    def get_serve_app_name(self) -> str | None:
        """Return the name of the deployment; None for one made of plugin and action."""
        return None

    def get_replicas(self) -> int | None:
        """Return how many processes answer; None for what the manifest says."""
        return None

    def get_max_replicas(self) -> int | None:
        """Return how many they may become, when their number is to follow the requests."""
        return None

    def get_ray_actor_options(self) -> JSONObject:
        """Return what each replica reserves: `num_cpus`, `num_gpus`, `memory` in bytes.

        What else nodes have stands by its name in a mapping `resources`. What is left out is as the
        manifest says, if all is.
        """
        return {}

    def get_runtime_env(self) -> dict[str, str]:
        """Return variables for the action that is served."""
        return {}

    def get_cluster(self) -> str:
        """Return name or address of the cluster; empty for the one of this machine."""
        return ""

    def register_serve_application(self, url: str) -> None:
        """Tell others that requests are answered at this address; does nothing by itself."""

    def deploy(self) -> DeploymentView:
        """Deploy, and return once it answers.

        Raises:
            ActionError: It does not answer; says why.
            SynapseError: It cannot be deployed.
        """
        home, environ = self._home(), dict(os.environ)
        _refuse_to_start_a_cluster(home, environ, self.get_cluster())
        plugin, action = self._find()
        request = Deploy(
            plugin=str(plugin),
            action=action,
            name=self.get_serve_app_name(),
            scale=Scale(replicas=self.get_replicas(), max_replicas=self.get_max_replicas()),
            cluster=self.get_cluster(),
            env=self.get_runtime_env(),
            resources=_resources(self.get_ray_actor_options()),
        )
        with open_workspace(home.root, [plugin], environ=environ) as workspace:
            name = deploy(workspace, environ, request).name
        self.log_message(f"{name} is deployed; waiting until it answers")
        view = wait_deployment(home, environ, name, timeout_s=self.start_timeout_s)
        if view.state is not DeploymentState.RUNNING:
            raise ActionError(
                f"The deployment {name!r} is {view.state}: {view.error or 'it takes too long'}",
                hint=f"Look at its log: synapse deployment logs {name}",
            )
        return view

    def execute(self) -> object:
        """Deploy, and return what is served and where."""
        view = self.deploy()
        self.register_serve_application(view.url)
        told = asdict(view)
        return {key: told[key] for key in ("name", "url", "release", "replicas", "version")}

    def _find(self) -> tuple[Path, str]:
        """Return the plugin's folder and the name of the action to serve."""
        wanted = self.entrypoint
        if wanted is None:
            raise ActionDefinitionError(
                f"{type(self).__name__} does not say what it deploys.",
                hint="Set `entrypoint` to the class of an action, or to its name.",
            )
        name = wanted if isinstance(wanted, str) else definition_of(wanted).name
        file = inspect.getsourcefile(type(self) if isinstance(wanted, str) else wanted)
        for folder in Path(file or "").resolve().parents:
            if (folder / MANIFEST).is_file():
                return folder, name
        raise ActionDefinitionError(
            f"{name!r} is in no plugin: no {MANIFEST} lies beside it or above.",
            hint="Only actions of a plugin can be deployed.",
        )

    def _home(self) -> Home:
        """Return the home of this run, which a worker's variables do not name."""
        folder = self.ctx.work_dir
        if folder.parents[2].name == "runs":
            return Home(folder.parents[3])
        return Home.locate(os.environ)


def _resources(options: JSONObject) -> Resources | None:
    if not options:
        return None
    further = options.get("resources")
    numbers = {key: float(str(value)) for key, value in options.items() if key != "resources"}
    memory = numbers.get("memory", 0.0)
    return Resources(
        cpus=numbers.get("num_cpus"),
        gpus=numbers.get("num_gpus"),
        memory_mb=int(memory) >> 20 or None,
        custom={key: float(str(value)) for key, value in further.items()}
        if isinstance(further, dict)
        else {},
    )


def _refuse_to_start_a_cluster(home: Home, environ: dict[str, str], cluster: str) -> None:
    """A cluster that is started here would have the plugin's libraries instead of Synapse's."""
    is_own = Path(sys.prefix).is_relative_to(home.cache_dir)
    if is_own and cluster_door(home, environ, cluster).record() is None:
        raise ConflictError(
            "The cluster is not up, and a plugin with libraries of its own cannot start it.",
            hint="Start it first: synapse ray up",
        )

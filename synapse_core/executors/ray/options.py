"""Arguments of the executors that scripts construct, as runs know them."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from synapse_core.errors import InvalidInputError
from synapse_core.model.resource_names import explain_bad_resource
from synapse_core.model.run import Resources
from synapse_core.worker.environment import JOB_ID_VARIABLE

__all__ = ["find_folder", "merge_variables", "to_resources"]

_LIBRARIES = (
    "List libraries in the plugin's requirements.txt: they are installed once on each machine, "
    "for all its runs. Wheels in its folder `wheels` need no network."
)
_INSTEAD = {
    "pip": _LIBRARIES,
    "uv": _LIBRARIES,
    "conda": _LIBRARIES,
    "py_modules": "Put the modules into the plugin's folder, or a wheel of them into its folder "
    "`wheels`: both go along.",
    "excludes": "Name what is not to be sent in .synapseignore, in the plugin's folder.",
    "py_executable": "Runs have the Python that Synapse is installed for on each machine.",
    "image_uri": "Start the cluster's nodes in that image instead.",
    "container": "Start the cluster's nodes in that container instead.",
}

_NAMED = {"CPU": "num_cpus", "GPU": "num_gpus", "memory": "memory"}
"""Arguments for what Ray knows by these names."""


def merge_variables(
    env: Mapping[str, object] | None,
    runtime_env: Mapping[str, object] | None,
    job_id: str | None,
) -> dict[str, str]:
    """Return the variables of a run.

    Raises:
        InvalidInputError: `runtime_env` asks for what is done in another way here.
    """
    given = dict(runtime_env or {})
    variables = cast("Mapping[str, object]", given.pop("env_vars", None) or {})
    given.pop("working_dir", None)  # `find_folder` reads it
    for key in given:
        raise InvalidInputError(
            f"runtime_env may hold env_vars and working_dir, not {key}: Ray would make every "
            "process anew for it.",
            hint=_INSTEAD.get(key, "Leave it out."),
            key=key,
        )
    merged = {**variables, **(env or {})}
    texts = {name: str(value) for name, value in merged.items()}
    return {**texts, JOB_ID_VARIABLE: job_id} if job_id is not None else texts


def find_folder(
    working_dir: str | os.PathLike[str] | None, runtime_env: Mapping[str, object] | None
) -> Path | None:
    """Return the plugin's folder; None when neither names one.

    Raises:
        InvalidInputError: They name different ones, or one that does not lie on this disk.
    """
    told = (runtime_env or {}).get("working_dir")
    if told is None:
        return None if working_dir is None else Path(working_dir).expanduser()
    if not isinstance(told, str | os.PathLike) or "://" in os.fspath(told):
        raise InvalidInputError(
            f"working_dir of runtime_env is {told!r}, which is no folder of this disk.",
            hint="Give the plugin's folder: it is sent to machines that do not see it.",
        )
    folder = Path(cast("str", os.fspath(told))).expanduser()
    if working_dir is not None and Path(working_dir).expanduser().resolve() != folder.resolve():
        raise InvalidInputError(
            f"working_dir is {working_dir}, and {folder} in runtime_env.", hint="Give one of them."
        )
    return folder


def to_resources(
    num_cpus: float | None,
    num_gpus: float | None,
    memory_bytes: int | None,
    custom: Mapping[str, float] | None = None,
) -> Resources:
    """Return the resources of a run.

    Raises:
        InvalidInputError: One of them is negative, or has a name that none can have.
    """
    for name, value in (("num_cpus", num_cpus), ("num_gpus", num_gpus), ("memory", memory_bytes)):
        if value is not None and value < 0:
            raise InvalidInputError(f"{name} is {value:g}.", hint="Give no less than 0.")
    memory_mb = None if memory_bytes is None else max(1, memory_bytes >> 20)
    return Resources(
        cpus=num_cpus, gpus=num_gpus, memory_mb=memory_mb, custom=_checked(custom or {})
    )


def _checked(resources: Mapping[str, float]) -> dict[str, float]:
    for name, amount in resources.items():
        if name in _NAMED:
            raise InvalidInputError(
                f"resources has {name!r}, which has an argument of its own.",
                hint=f"Give {_NAMED[name]}=….",
            )
        if reason := explain_bad_resource(name):
            raise InvalidInputError(
                f"resources has {name!r}: {reason}.", hint="Give the name that nodes have for it."
            )
        if amount < 0:
            raise InvalidInputError(
                f"The resource {name!r} is {amount:g}.", hint="Give no less than 0."
            )
    return dict(resources)

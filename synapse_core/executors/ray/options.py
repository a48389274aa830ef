"""Arguments of the executors that scripts construct, as runs know them."""

from collections.abc import Mapping
from typing import cast

from synapse_core.errors import InvalidInputError
from synapse_core.model.run import Resources
from synapse_core.worker.environment import JOB_ID_VARIABLE

__all__ = ["merge_variables", "to_resources"]


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
    if given:
        raise InvalidInputError(
            f"runtime_env may hold env_vars only, not {', '.join(sorted(given))}.",
            hint="List libraries in the plugin's requirements.txt: they are installed once for all "
            "its runs.",
        )
    merged = {**variables, **(env or {})}
    texts = {name: str(value) for name, value in merged.items()}
    return {**texts, JOB_ID_VARIABLE: job_id} if job_id is not None else texts


def to_resources(
    num_cpus: float | None, num_gpus: float | None, memory_bytes: int | None
) -> Resources:
    """Return the resources of a run.

    Raises:
        InvalidInputError: One of them is negative.
    """
    for name, value in (("num_cpus", num_cpus), ("num_gpus", num_gpus), ("memory", memory_bytes)):
        if value is not None and value < 0:
            raise InvalidInputError(f"{name} is {value:g}.", hint="Give no less than 0.")
    memory_mb = None if memory_bytes is None else max(1, memory_bytes >> 20)
    return Resources(cpus=num_cpus, gpus=num_gpus, memory_mb=memory_mb)

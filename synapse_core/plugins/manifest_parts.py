"""Parts that several entries of a `config.yaml` have."""

from typing import Annotated, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)

from synapse_core.model.run import Resources
from synapse_core.plugins.fields import (
    Amount,
    FieldFault,
    Megabytes,
    ResourceName,
    Seconds,
    VariableName,
)

__all__ = [
    "Batch",
    "BatchEntry",
    "Entry",
    "ResourcesEntry",
    "Retries",
    "RetriesEntry",
    "ServeEntry",
]


class Entry(BaseModel):
    """A part of a manifest: keys that it does not know are faults."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ResourcesEntry(Entry):
    """What a run of an action may use."""

    cpus: Amount | None = Field(
        default=None, description="CPU cores, possibly a fraction.", examples=[2]
    )
    gpus: Amount | None = Field(
        default=None, description="GPUs, possibly a fraction.", examples=[0.5]
    )
    memory: Megabytes | None = Field(
        default=None,
        description="Ceiling on memory: a number is MiB; `K`, `M`, `G` and `T` are units.",
        examples=["2G"],
    )
    custom: dict[ResourceName, Amount] = Field(
        default={},
        description="What nodes of a Ray cluster claim by other names, and how much of it. "
        "Elsewhere it is passed over.",
        examples=[{"fpga": 1}],
    )

    def wanted(self) -> Resources:
        """Return it as runs have it."""
        return Resources(
            cpus=self.cpus, gpus=self.gpus, memory_mb=self.memory, custom=dict(self.custom)
        )


class RetriesEntry(Entry):
    """How a failed attempt is repeated."""

    retries: int = Field(
        default=0,
        ge=0,
        le=100,
        strict=True,
        description="Attempts after the first one.",
        examples=[3],
    )
    backoff: Seconds = Field(
        default=1.0, description="Wait before the second attempt.", examples=["500ms"]
    )
    factor: float = Field(
        default=2.0,
        ge=1,
        le=100,
        strict=True,
        description="Each further wait is this many times the one before.",
    )
    max_backoff: Seconds = Field(default=60.0, description="No wait is longer.", examples=["5m"])


def _expand_retries(value: object) -> object:
    return cast("object", value) if isinstance(value, dict) else {"retries": value}


Retries = Annotated[RetriesEntry, BeforeValidator(_expand_retries)]
"""A number of attempts, or the whole policy."""


class BatchEntry(Entry):
    """How requests are answered together."""

    size: int = Field(
        default=1, ge=1, le=10_000, strict=True, description="Most requests of one batch."
    )
    wait: Seconds = Field(
        default=0.01,
        description="How long the first request of a batch waits for others.",
        examples=["20ms"],
    )


def _expand_batch(value: object) -> object:
    return cast("object", value) if isinstance(value, dict) else {"size": value}


Batch = Annotated[BatchEntry, BeforeValidator(_expand_batch)]
"""The size of a batch, or both size and wait."""


Count = Annotated[int, Field(ge=1, le=1000, strict=True)]
"""Of things each of which costs a process or a thread."""


class ServeEntry(Entry):
    """How an action with `method: serve` answers requests."""

    replicas: Count = Field(
        default=1, description="Processes that answer; with `max_replicas` the fewest of them."
    )
    max_replicas: Count | None = Field(
        default=None,
        description="The most processes, when their number follows the requests; none lets "
        "`replicas` be the number.",
    )
    target_requests: float = Field(
        default=2.0,
        gt=0,
        le=100_000,
        strict=True,
        description="Requests at a time that each process should have, where their number follows.",
    )
    scale_up_after: Seconds = Field(
        default=10.0, description="How long there must be more, until processes are added."
    )
    scale_down_after: Seconds = Field(
        default=120.0, description="How long there must be fewer, until processes end."
    )
    batch: Batch = Field(
        default=BatchEntry(),
        description="Requests that are answered together: their number, or a mapping.",
        examples=[8],
    )
    concurrency: Count = Field(
        default=1, description="Calls into the action at once in one replica, each in a thread."
    )
    models: int = Field(
        default=0,
        ge=0,
        le=1000,
        strict=True,
        description="Models that one replica keeps loaded, which requests choose among by a "
        "header; 0 for the default model only.",
    )
    timeout: Seconds = Field(default=60.0, description="What one request may take.")
    start_timeout: Seconds = Field(
        default=600.0, description="What importing the action and loading its model may take."
    )
    queue: int = Field(
        default=200,
        ge=1,
        le=1_000_000,
        strict=True,
        description="Requests that may wait; further ones are turned away.",
    )
    body: Megabytes = Field(default=10, description="Most that one request may hold.")
    token: VariableName | None = Field(
        default=None,
        description="Variable that holds the bearer token which requests must carry.",
        examples=["MODEL_TOKEN"],
    )

    @field_validator("max_replicas")
    @classmethod
    def _at_least_replicas(cls, most: int | None, info: ValidationInfo) -> int | None:
        fewest = info.data.get("replicas", 1)
        if most is not None and most < fewest:
            raise FieldFault(
                f"is {most}, which is less than `replicas`, {fewest}", "Give more, or leave it out."
            )
        return most

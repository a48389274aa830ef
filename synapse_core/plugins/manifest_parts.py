"""Parts that several entries of a `config.yaml` have."""

from typing import Annotated, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from synapse_core.plugins.fields import Amount, Megabytes, Seconds

__all__ = ["Entry", "ResourcesEntry", "Retries", "RetriesEntry"]


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

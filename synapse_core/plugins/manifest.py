"""What a `config.yaml` may say."""

from typing import Any, Literal

from pydantic import Field, JsonValue

from synapse_core.model.plugin import ActionMethod, PluginCategory
from synapse_core.plugins.fields import (
    Entrypoint,
    FilledLine,
    InnerPath,
    Line,
    Name,
    Seconds,
    TaskName,
    Text,
    VariableName,
)
from synapse_core.plugins.manifest_parts import (
    Entry,
    ResourcesEntry,
    Retries,
    RetriesEntry,
    ServeEntry,
)
from synapse_core.plugins.pipeline_entries import PipelineEntry

__all__ = ["ActionEntry", "Manifest", "ResourcesEntry", "RetriesEntry"]

DataKind = Literal["image", "text", "video", "pcd", "audio"]


class ActionEntry(Entry):
    """One action; the key above it is its name."""

    name: Line = Field(default="", description="Name for people.", examples=["Train a model"])
    description: Text = Field(default="", description="What it does, in a sentence.")
    entrypoint: Entrypoint | None = Field(
        default=None,
        description="Class or function, `module:attribute` or `module.attribute`, seen from the "
        "plugin's folder. Without it, the action of this name in the source is meant.",
        examples=["my_plugin.train:TrainAction"],
    )
    category: PluginCategory | None = Field(
        default=None, description="What it is for; else what the plugin is for."
    )
    method: ActionMethod = Field(
        default=ActionMethod.TASK,
        description="How it is placed beyond one process: as a task, as a job, or as a service.",
    )
    input_type: Line | None = Field(
        default=None, description="Semantic type it consumes.", examples=["YOLODataset"]
    )
    output_type: Line | None = Field(
        default=None, description="Semantic type it produces.", examples=["ModelWeights"]
    )
    resources: ResourcesEntry = Field(default=ResourcesEntry(), description="What a run may use.")
    timeout: Seconds | None = Field(
        default=None,
        description="What one attempt may take: seconds, or a number with `ms`, `s`, `m`, `h`, "
        "`d`. No limit without it.",
        examples=["10m"],
    )
    retries: Retries = Field(
        default=RetriesEntry(),
        description="Attempts after the first one: a number, or a mapping.",
        examples=[3],
    )
    reuse: bool = Field(
        default=False,
        strict=True,
        description="On Ray, keep its process for the next run, with all it has loaded, such as a "
        "model. Runs of it then share a process, one after the other.",
    )
    serve: ServeEntry = Field(
        default=ServeEntry(), description="How it answers requests when it is deployed."
    )
    params_schema: dict[str, JsonValue] | None = Field(
        default=None,
        description="Accepted and kept; the params that count are those of the code.",
    )


class Manifest(Entry):
    """A whole `config.yaml`."""

    name: FilledLine = Field(description="Name for people.", examples=["My plugin"])
    code: Name = Field(
        description="Short name that commands, paths and runs go by: letters, digits, `_`, and "
        "`-` or `.` between them.",
        examples=["my_plugin"],
    )
    version: FilledLine = Field(default="0.1.0", description="Version of the plugin.")
    category: PluginCategory = Field(
        default=PluginCategory.CUSTOM, description="What the plugin is for."
    )
    description: Text = Field(default="", description="What it does, in a sentence.")
    readme: InnerPath = Field(default="README.md", description="File that explains the plugin.")
    package_manager: Literal["pip", "uv"] = Field(
        default="uv", description="What installs the libraries that it needs."
    )
    package_manager_options: list[FilledLine] = Field(
        default=[], description="Further options of that program.", examples=[["--no-cache"]]
    )
    wheels_dir: InnerPath = Field(default="wheels", description="Folder of wheels to install from.")
    env: dict[VariableName, str] = Field(
        default={},
        description="Variables for its actions. No place for secrets: the file is shared.",
        examples=[{"BATCH": "32"}],
    )
    runtime_env: dict[str, JsonValue] = Field(
        default={}, description="Runtime environment for Ray."
    )
    data_type: DataKind | None = Field(default=None, description="Kind of data it works on.")
    tasks: list[TaskName] = Field(
        default=[], description="Tasks it can do.", examples=[["image.object_detection"]]
    )
    supported_data_type: list[DataKind] = Field(
        default=[], description="Kinds of data it can upload."
    )
    annotation_category: (
        Literal["object_detection", "classification", "segmentation", "keypoint", "text"] | None
    ) = Field(default=None, description="Kind of annotation it makes.")
    annotation_type: Literal["bbox", "polygon", "point", "line", "mask", "label"] | None = Field(
        default=None, description="Form of the annotations it makes."
    )
    smart_tool: Literal["interactive", "automatic", "semi_automatic"] | None = Field(
        default=None, description="How a smart tool works with a person."
    )
    actions: dict[Name, ActionEntry] = Field(
        default={},
        description="What it offers, by name. Actions that only the source has are added.",
    )
    pipelines: dict[Name, PipelineEntry] = Field(
        default={}, description="Graphs of actions, of this plugin and of others, by name."
    )

    def to_json(self) -> dict[str, Any]:
        """Return all of it as JSON, defaults included, without what is not set."""
        return self.model_dump(mode="json", exclude_none=True)

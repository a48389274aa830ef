"""Describes a plugin by its manifest and its source, without importing anything of it."""

from dataclasses import replace
from pathlib import Path

from synapse_core.discovery.from_ast import scan_source
from synapse_core.model.plugin import ActionSpec, Plugin
from synapse_core.model.run import RetryPolicy
from synapse_core.plugins.files import PluginFile
from synapse_core.plugins.layout import find_prefix
from synapse_core.plugins.manifest import ActionEntry, Manifest
from synapse_core.plugins.names import derive_title
from synapse_core.plugins.parsing import load_manifest

__all__ = ["describe_plugin", "read_declared"]


def describe_plugin(folder: Path, files: list[PluginFile], stamp: str = "") -> Plugin:
    """Return the plugin in a folder.

    Actions that the manifest declares come first; a declared one without an entrypoint is the one
    of its name in the source. Then come those that only the source has.

    Args:
        folder: The plugin's folder, resolved.
        files: Its files, as `find_files` lists them.
        stamp: What changes with them.

    Raises:
        ManifestError: The manifest cannot be used; `data["diagnostics"]` lists all faults.
        StorageError: It may not be read.
    """
    manifest = load_manifest(folder)
    declared = read_declared(manifest)
    prefix = find_prefix(folder, [spec.entrypoint for spec in declared.values()])
    found = scan_source(folder, files, prefix, category=manifest.category)
    return Plugin(
        code=manifest.code,
        name=manifest.name,
        version=manifest.version,
        path=folder,
        category=manifest.category,
        description=manifest.description,
        env=dict(manifest.env),
        manifest=manifest.to_json(),
        actions=_merge(declared, found),
        stamp=stamp,
    )


def read_declared(manifest: Manifest) -> dict[str, ActionSpec]:
    """Return the actions as the manifest declares them, by name."""
    return {name: _read_entry(name, entry, manifest) for name, entry in manifest.actions.items()}


def _read_entry(name: str, entry: ActionEntry, manifest: Manifest) -> ActionSpec:
    retries = entry.retries
    return ActionSpec(
        name=name,
        entrypoint=entry.entrypoint or "",
        title=entry.name or derive_title(name),
        description=entry.description,
        category=entry.category or manifest.category,
        method=entry.method,
        input_type=entry.input_type,
        output_type=entry.output_type,
        resources=entry.resources.wanted(),
        timeout_s=entry.timeout,
        retry=RetryPolicy(
            retries=retries.retries,
            backoff_s=retries.backoff,
            factor=retries.factor,
            max_backoff_s=retries.max_backoff,
        ),
    )


def _merge(declared: dict[str, ActionSpec], found: list[ActionSpec]) -> dict[str, ActionSpec]:
    """Return declared actions with what the source adds to them, then the others it has."""
    by_entrypoint = {spec.entrypoint: spec for spec in found}
    by_name: dict[str, ActionSpec] = {}
    for spec in found:
        by_name.setdefault(spec.name, spec)
    merged: dict[str, ActionSpec] = {}
    for name, spec in declared.items():
        source = by_entrypoint.get(spec.entrypoint) if spec.entrypoint else by_name.get(name)
        merged[name] = _complete(spec, source) if source is not None else spec
    taken = {spec.entrypoint for spec in merged.values()}
    for name, spec in by_name.items():
        if spec.entrypoint not in taken:
            merged.setdefault(name, spec)
    return merged


def _complete(spec: ActionSpec, source: ActionSpec) -> ActionSpec:
    return replace(
        spec,
        entrypoint=source.entrypoint,
        description=spec.description or source.description,
        input_type=spec.input_type or source.input_type,
        output_type=spec.output_type or source.output_type,
        kind=source.kind,
        file=source.file,
        line=source.line,
    )

"""Reads a `config.yaml` as a checked manifest, or tells everything that is wrong with it."""

from pathlib import Path

from pydantic import ValidationError

from synapse_core.config.yaml_text import Place, YamlText, parse_yaml
from synapse_core.errors import InvalidInputError, ManifestError
from synapse_core.model.plugin import Diagnostic
from synapse_core.plugins.diagnose import diagnose_pipelines, diagnose_text, diagnose_values
from synapse_core.plugins.layout import MANIFEST
from synapse_core.plugins.manifest import Manifest
from synapse_core.plugins.manifest_file import read_manifest
from synapse_core.plugins.reporting import build_error
from synapse_core.plugins.shapes import prepare

__all__ = ["load_manifest", "parse_manifest"]


def load_manifest(folder: Path) -> Manifest:
    """Return the manifest of the plugin in a folder.

    Raises:
        ManifestError: It is missing or cannot be used; `data["diagnostics"]` lists all faults.
        StorageError: It may not be read, or the disk fails.
    """
    return parse_manifest(read_manifest(folder), folder)


def parse_manifest(text: str, folder: Path) -> Manifest:
    """Return what the text says.

    Args:
        text: A `config.yaml`.
        folder: Where it lies, for messages.

    Raises:
        ManifestError: It cannot be used; `data["diagnostics"]` lists all faults.
    """
    faults: list[InvalidInputError] = []
    try:
        parsed = parse_yaml(text, source=MANIFEST, error=ManifestError, faults=faults)
    except ManifestError as error:
        raise build_error(folder, diagnose_text([*faults, error], text)) from error
    if not isinstance(parsed.value, dict):
        raise build_error(folder, [*diagnose_text(faults, text), _describe_no_mapping(parsed)])
    findings = diagnose_text(faults, text)
    try:
        manifest = Manifest.model_validate(prepare(parsed.value, Manifest, parsed.places))
    except ValidationError as error:
        details = error.errors(include_url=False)
        # A value that YAML itself cannot say is no other fault in what it says instead.
        unread = {finding.line for finding in findings if not finding.key}
        told = diagnose_values(details, parsed.places, folder.name)
        findings += [finding for finding in told if finding.line not in unread]
        raise _order(folder, findings, parsed) from error
    findings += diagnose_pipelines(manifest, parsed.places)
    if findings:
        raise _order(folder, findings, parsed)
    return manifest


def _order(folder: Path, findings: list[Diagnostic], parsed: YamlText) -> ManifestError:
    error = build_error(folder, sorted(findings, key=lambda each: (each.line, each.column)))
    if isinstance(parsed.value, dict):
        # Many programs have a config.yaml; whoever looks for plugins wants to pass theirs over.
        error.data["is_foreign"] = not {"code", "actions"} & set(parsed.value)
        error.data["plugin"] = str(parsed.value.get("code", ""))
    return error


def _describe_no_mapping(parsed: YamlText) -> Diagnostic:
    place = parsed.places.get((), Place(1, 1))
    is_empty = parsed.value is None
    return Diagnostic(
        code="manifest-empty" if is_empty else "manifest-not-a-mapping",
        message="The file is empty." if is_empty else "The file holds no keys with values.",
        file=MANIFEST,
        line=place.line,
        column=place.column,
        fix="Begin with `name: My plugin` and `code: my_plugin`, each on a line of its own.",
    )

"""Finds the places in `config.yaml` that the findings about actions point to."""

from synapse_core.checks.subject import CheckedAction
from synapse_core.config.yaml_text import Place, YamlPath, parse_yaml
from synapse_core.errors import ManifestError
from synapse_core.model.plugin import Plugin
from synapse_core.plugins.layout import MANIFEST
from synapse_core.plugins.manifest_file import read_manifest

__all__ = ["locate_actions"]

_NOWHERE = Place(0, 0)


def locate_actions(plugin: Plugin) -> list[CheckedAction]:
    """Return the plugin's actions with the places where `config.yaml` declares them.

    Raises:
        ManifestError: The file has become unreadable since the plugin was found.
        StorageError: The same, for a reason of the file system.
    """
    places = parse_yaml(read_manifest(plugin.path), source=MANIFEST, error=ManifestError).places
    return [_locate(plugin, name, places) for name in plugin.actions]


def _locate(plugin: Plugin, name: str, places: dict[YamlPath, Place]) -> CheckedAction:
    above: YamlPath = ("actions", name)
    place = places.get((*above, "entrypoint")) or places.get(above) or _NOWHERE
    return CheckedAction(
        spec=plugin.actions[name],
        is_declared=above in places,
        line=place.line,
        column=place.column,
    )

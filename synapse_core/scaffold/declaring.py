"""Declares a new action in the text of a `config.yaml`, and leaves the rest of it as it is."""

import copy
import io
from dataclasses import dataclass
from typing import Any, cast

import yaml

from synapse_core.errors import ManifestError
from synapse_core.scaffold.templating import quote_yaml

__all__ = ["Declaration", "declare_action"]

_Loader = cast("type[yaml.SafeLoader]", getattr(yaml, "CSafeLoader", yaml.SafeLoader))
"""The one that manifests are read with: the other refuses some texts that it accepts."""

_WIDTH = 4096
"""Lines are never folded: a long value stays on its line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What `config.yaml` says of a new action."""

    action: str
    title: str
    description: str
    entrypoint: str

    def entry(self) -> dict[str, str]:
        """Return keys and values in the order in which they are written."""
        return {
            "name": self.title,
            "description": self.description,
            "entrypoint": self.entrypoint,
            "method": "task",
        }


def declare_action(text: str, declaration: Declaration) -> str:
    """Return the text with one more action.

    The entry is put as lines below the last action, so that no other line changes. Where there is
    no such place, as in `actions: {}`, the text is loaded and dumped by a library that keeps
    comments, but may indent and fold other lines anew.

    Args:
        text: A `config.yaml` that was checked and does not declare the action.
        declaration: What to say of it.

    Raises:
        ManifestError: The text is written in a way that leaves no place for another action.
    """
    for insert in (_insert_lines, _dump_anew):
        changed = insert(text, declaration)
        if changed and _says_it(changed, text, declaration):
            return changed
    raise ManifestError(
        f"The action {declaration.action!r} cannot be added to this config.yaml without changing "
        "what it says of others.",
        hint=f"Add it in an editor, below `actions`: {declaration.action}: {declaration.entry()}",
        action=declaration.action,
    )


def _says_it(changed: str, before: str, declaration: Declaration) -> bool:
    """Whether the changed text says what it said before, and the new action."""
    try:
        found = yaml.load(changed, _Loader)  # noqa: S506 both are safe loaders
    except yaml.YAMLError:
        return False
    expected = copy.deepcopy(yaml.load(before, _Loader))  # noqa: S506 both are safe loaders
    expected["actions"] = {
        **(expected.get("actions") or {}),
        declaration.action: declaration.entry(),
    }
    return found == expected


def _insert_lines(text: str, declaration: Declaration) -> str:
    """Put the entry below the last one; empty when there is none in lines of its own."""
    root = yaml.compose(text, _Loader)
    actions = _find_actions(root)
    if actions is None or actions.flow_style or not actions.value:
        return ""
    lines = text.split("\n")
    first_key, first_value = _pairs(actions)[0]
    indent, step = first_key.start_mark.column, 2
    if isinstance(first_value, yaml.MappingNode) and not first_value.flow_style:
        step = max(1, _pairs(first_value)[0][0].start_mark.column - indent)
    at = _find_end(lines, actions, indent)
    entry = [f"{' ' * indent}{declaration.action}:"]
    for key, value in declaration.entry().items():
        entry.append(f"{' ' * (indent + step)}{key}: {quote_yaml(value)}")
    if any(not line.strip() for line in lines[first_key.start_mark.line : at]):
        entry.insert(0, "")  # a blank line stands between actions here
    if at == len(lines):  # the file ends without a line end
        at, entry = len(lines), [*entry, ""]
    return_char = "\r" if lines[first_key.start_mark.line].endswith("\r") else ""
    return "\n".join([*lines[:at], *(f"{line}{return_char}" for line in entry), *lines[at:]])


def _find_actions(root: yaml.Node | None) -> yaml.MappingNode | None:
    if isinstance(root, yaml.MappingNode) and not root.flow_style:
        for key, value in _pairs(root):
            if key.value == "actions" and isinstance(value, yaml.MappingNode):
                return value
    return None


def _find_end(lines: list[str], actions: yaml.MappingNode, indent: int) -> int:
    """Return the number of the line after the last action and the comments that belong to it."""
    node: yaml.Node = actions
    while isinstance(node, yaml.MappingNode) and node.value and not node.flow_style:
        node = _pairs(node)[-1][1]
    end = node.end_mark
    # A block of text or a list ends where the line after it begins.
    at = end.line if end.column == 0 or _is_list(node) else end.line + 1
    while at > actions.start_mark.line and not _content(lines, at - 1):
        at -= 1
    while at < len(lines) and _content(lines, at).startswith("#"):
        if len(lines[at]) - len(lines[at].lstrip()) <= indent:
            break
        at += 1
    return at


def _content(lines: list[str], at: int) -> str:
    return lines[at].strip() if at < len(lines) else ""


def _is_list(node: yaml.Node) -> bool:
    return isinstance(node, yaml.SequenceNode) and not node.flow_style


def _pairs(node: yaml.MappingNode) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
    return cast("list[tuple[yaml.ScalarNode, yaml.Node]]", node.value)


def _dump_anew(text: str, declaration: Declaration) -> str:
    # 20 ms to import, and hardly ever needed.
    from ruamel.yaml import YAML  # noqa: PLC0415 (see above)
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415 loaded with the class

    ruamel: Any = YAML(typ="rt")
    ruamel.preserve_quotes = True
    ruamel.width = _WIDTH
    try:
        document: Any = ruamel.load(text)
    except YAMLError:  # it is YAML 1.1, but not YAML 1.2
        return ""
    if not document.get("actions"):
        document["actions"] = {}
    document["actions"][declaration.action] = declaration.entry()
    stream = io.StringIO()
    ruamel.dump(document, stream)
    return stream.getvalue()

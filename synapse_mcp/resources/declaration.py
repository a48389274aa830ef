"""How a resource is declared."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from mcp.shared.uri_template import UriTemplate
from mcp.types import Resource as ResourceDefinition
from mcp.types import ResourceTemplate as TemplateDefinition

from synapse_mcp.calls import Call

__all__ = ["Content", "Resource"]


@dataclass(frozen=True, slots=True)
class Content:
    """What a resource holds.

    Attributes:
        data: Text, or bytes for what is no text.
        media_type: Its IANA media type.
    """

    data: str | bytes
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A resource, or a family of them when the URI has variables.

    Attributes:
        uri: RFC 6570 template; variables of its query may be left out by the reader.
        name: Short name.
        title: Name for people.
        description: What it holds.
        media_type: Media type of all its contents; empty when they differ.
        read: Returns the content for the variables of a URI; blocks.
        paths: Variables that name a file: they may hold slashes, but not leave their folder.
    """

    uri: str
    name: str
    title: str
    description: str
    media_type: str
    read: Callable[[Call, Mapping[str, str]], Content]
    paths: frozenset[str] = frozenset()
    template: UriTemplate = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "template", UriTemplate.parse(self.uri))

    @property
    def is_template(self) -> bool:
        """Whether the URI has variables."""
        return bool(self.template.variable_names)

    def as_resource(self) -> ResourceDefinition:
        """Return what `resources/list` tells about it."""
        return ResourceDefinition(
            uri=self.uri,
            name=self.name,
            title=self.title,
            description=self.description,
            mime_type=self.media_type or None,
        )

    def as_template(self) -> TemplateDefinition:
        """Return what `resources/templates/list` tells about it."""
        return TemplateDefinition(
            uri_template=self.uri,
            name=self.name,
            title=self.title,
            description=self.description,
            mime_type=self.media_type or None,
        )

"""The resources of a server: listing them, and reading one by its URI."""

import base64
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial

from mcp.shared.exceptions import MCPError
from mcp.shared.path_security import contains_path_traversal, is_absolute_path
from mcp.types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    BlobResourceContents,
    ReadResourceResult,
    TextResourceContents,
)
from mcp.types import Resource as ResourceDefinition
from mcp.types import ResourceTemplate as TemplateDefinition

from synapse_core.errors import StorageError, SynapseError
from synapse_core.logs.redact import Redactor
from synapse_mcp.calls import Call
from synapse_mcp.errors import (
    UnknownResourceError,
    clip,
    error_text,
    internal_error_text,
    well_formed,
)
from synapse_mcp.resources.declaration import Content, Resource

__all__ = ["Shelf"]

_LOGGER = logging.getLogger(__name__)
_MAX_URI_SHOWN = 200


class Shelf:
    """All resources of a server.

    Args:
        resources: Those that are known.
        find_more: Finds more, when resources are first asked for.
    """

    def __init__(
        self, resources: Sequence[Resource], find_more: Callable[[], Sequence[Resource]] = tuple
    ) -> None:
        self._known = resources
        self._find_more = find_more

    @cached_property
    def _resources(self) -> Sequence[Resource]:
        return [*self._known, *self._find_more()]

    @cached_property
    def resources(self) -> list[ResourceDefinition]:
        """What `resources/list` tells."""
        return [one.as_resource() for one in self._resources if not one.is_template]

    @cached_property
    def templates(self) -> list[TemplateDefinition]:
        """What `resources/templates/list` tells."""
        return [one.as_template() for one in self._resources if one.is_template]

    async def read(self, call: Call, uri: str) -> ReadResourceResult:
        """Return the content of a resource.

        Raises:
            MCPError: It cannot be read; the message tells an agent why, and what to read instead.
        """
        try:
            resource, variables = self._find(uri)
            content = await call.blocking(partial(resource.read, call, variables))
        except SynapseError as error:
            code = INTERNAL_ERROR if isinstance(error, StorageError) else INVALID_PARAMS
            data = {"uri": well_formed(uri), "code": error.code}
            text = call.redactor.source(error_text(error, tools=call.tools))
            raise MCPError(code=code, message=text, data=data) from error
        except Exception as error:
            _LOGGER.exception("Reading the resource %r failed", uri)
            text = internal_error_text(f"Reading {clip(uri, _MAX_URI_SHOWN)}")
            raise MCPError(code=INTERNAL_ERROR, message=text, data={"uri": uri}) from error
        return ReadResourceResult(contents=[_wire_form(uri, content, call.redactor)])

    def _find(self, uri: str) -> tuple[Resource, Mapping[str, str]]:
        for resource in self._resources:
            found = resource.template.match(uri)
            if found is None:
                continue
            variables = {name: value for name, value in found.items() if isinstance(value, str)}
            for name, value in variables.items():
                _check_safe(uri, name, value, is_path=name in resource.paths)
            return resource, variables
        listed = ", ".join(resource.uri for resource in self._resources)
        raise UnknownResourceError(
            f"There is no resource {clip(uri, _MAX_URI_SHOWN)!r}.", hint=f"There are: {listed}."
        )


def _check_safe(uri: str, name: str, value: str, *, is_path: bool) -> None:
    slashes = not is_path and ("/" in value or "\\" in value)
    leaves = contains_path_traversal(value) or is_absolute_path(value)
    if slashes or leaves or "\0" in value:
        raise UnknownResourceError(
            f"The {name} in {clip(uri, _MAX_URI_SHOWN)!r} is not safe to look up.",
            hint="Give the name as it is listed, without '..', a leading '/', or NUL.",
        )


def _wire_form(
    uri: str, content: Content, redactor: Redactor
) -> TextResourceContents | BlobResourceContents:
    if isinstance(content.data, str):
        text = redactor.source(well_formed(content.data))
        return TextResourceContents(uri=uri, text=text, mime_type=content.media_type)
    blob = base64.b64encode(content.data).decode()
    return BlobResourceContents(uri=uri, blob=blob, mime_type=content.media_type)

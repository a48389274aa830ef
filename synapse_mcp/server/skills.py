"""The Skills extension (SEP-2640): lists skills, and serves their files as resources."""

from collections.abc import Mapping, Sequence
from typing import Any

from mcp.server import CacheHint, Server, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, PaginatedRequestParams, RequestParams

from synapse_mcp.calls import Call
from synapse_mcp.errors import clip
from synapse_mcp.prompts.skills import Skill, SkillFile, SkillLibrary
from synapse_mcp.resources.declaration import Content, Resource
from synapse_mcp.server.host import Host

__all__ = ["SKILLS", "SkillGetParams", "add_skills", "skill_resources"]

SKILLS = "io.modelcontextprotocol/skills"
_MEDIA_TYPE = "text/markdown"

_Context = ServerRequestContext[Host, Any]


class SkillGetParams(RequestParams):
    """Which skill: the URI of its `SKILL.md`."""

    uri: str


def add_skills(server: Server[Host], library: SkillLibrary, hint: CacheHint) -> None:
    """Serve `skills/list` and `skills/get`, and say so to clients of protocol 2026-07-28.

    Args:
        server: Serves them.
        library: All skills.
        hint: How long clients may keep what they are told.
    """

    async def list_skills(_context: _Context, _params: PaginatedRequestParams) -> dict[str, Any]:
        return {"skills": [skill.entry() for skill in library.skills.values()]}

    async def get_skill(_context: _Context, params: SkillGetParams) -> dict[str, Any]:
        skill = library.skills.get(params.uri)
        if skill is None:
            raise MCPError(
                code=INVALID_PARAMS,
                message=f"There is no skill {clip(params.uri, 200)!r}. There are: "
                f"{', '.join(library.skills)}.",
            )
        return {"skill": skill.entry()}

    server.add_request_handler("skills/list", PaginatedRequestParams, list_skills)
    server.add_request_handler("skills/get", SkillGetParams, get_skill)
    for method in ("skills/list", "skills/get"):
        # Like the other lists; not by the constructor, which knows methods of the core only.
        server.cache_hints[method] = hint
    server.extensions[SKILLS] = {}


def skill_resources(library: SkillLibrary) -> Sequence[Resource]:
    """Return the files of all skills as resources."""
    return [
        _resource(skill, file, is_manifest=number == 0)
        for skill in library.skills.values()
        for number, file in enumerate(skill.files)
    ]


def _resource(skill: Skill, file: SkillFile, *, is_manifest: bool) -> Resource:
    content = Content(file.text, _MEDIA_TYPE)

    def read(_call: Call, _variables: Mapping[str, str]) -> Content:
        return content

    path = file.uri.removeprefix(f"skill://{skill.name}/")
    return Resource(
        uri=file.uri,
        name=skill.name if is_manifest else f"{skill.name}/{path}",
        title=f"Skill {skill.name}" if is_manifest else f"{path} of the skill {skill.name}",
        description=skill.description if is_manifest else f"Belongs to the skill {skill.name}",
        media_type=_MEDIA_TYPE,
        read=read,
    )

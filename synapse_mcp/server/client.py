"""The MCP client at the other end of one request."""

from typing import Any

from mcp.server import ServerRequestContext
from mcp.types import (
    ElicitRequest,
    ElicitRequestedSchema,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
    InputResponseRequestParams,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from synapse_mcp.calls import Consent, QuestionPending

__all__ = ["ProtocolClient", "input_required"]

_KEY = "consent"
_SCHEMA: ElicitRequestedSchema = {
    "type": "object",
    "properties": {"yes": {"type": "boolean", "title": "Yes, do it"}},
    "required": ["yes"],
}


class ProtocolClient:
    """Speaks to the client in the era of its connection."""

    def __init__(
        self, context: ServerRequestContext[Any], params: InputResponseRequestParams | None = None
    ) -> None:
        self._context = context
        self._params = params

    async def report(self, done: float, total: float, message: str) -> None:
        """Send a progress notification, if the client wants any."""
        await self._context.session.report_progress(done, total, message)

    @property
    def can_ask(self) -> bool:
        """Whether the client declared that it can show a form to its user."""
        capabilities = self._context.session.client_capabilities
        elicitation = capabilities.elicitation if capabilities is not None else None
        # An empty declaration is that of clients older than the choice between form and URL.
        return elicitation is not None and (elicitation.form is not None or elicitation.url is None)

    async def ask(self, question: str) -> Consent:
        """Put a yes-or-no question to the client's user.

        Raises:
            QuestionPending: On protocol 2026-07-28, until the client repeats the request.
        """
        if self._context.protocol_version in MODERN_PROTOCOL_VERSIONS:
            return self._answered(question)
        result = await self._context.session.elicit_form(
            question, _SCHEMA, related_request_id=self._context.request_id
        )
        return _consent(result)

    def _answered(self, question: str) -> Consent:
        params = self._params
        # The state was sealed by this server: an answer counts only for the question it was given.
        if params is None or params.request_state != question:
            raise QuestionPending(question)
        answer = (params.input_responses or {}).get(_KEY)
        if not isinstance(answer, ElicitResult):
            raise QuestionPending(question)
        return _consent(answer)


def input_required(pending: QuestionPending) -> InputRequiredResult:
    """Return the result that makes the client ask its user and repeat the request."""
    question = str(pending)
    request = ElicitRequest(
        params=ElicitRequestFormParams(message=question, requested_schema=_SCHEMA)
    )
    return InputRequiredResult(input_requests={_KEY: request}, request_state=question)


def _consent(result: ElicitResult) -> Consent:
    if result.action == "cancel":
        return Consent.DISMISSED
    is_yes = result.action == "accept" and (result.content or {}).get("yes") is True
    return Consent.YES if is_yes else Consent.NO

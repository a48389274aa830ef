"""Asking before something is destroyed."""

from synapse_core.errors import ConfirmationRequiredError
from synapse_mcp.calls import Call, Consent
from synapse_mcp.settings import ConfirmPolicy

__all__ = ["declined", "seek_consent"]


async def seek_consent(
    call: Call,
    question: str,
    *,
    is_reversible: bool = False,
    words: str = "",
    given: str | None = None,
) -> Consent:
    """Return whether the destructive call may go on.

    The flag `--confirm` decides: `never` lets everything pass; `always` wants a person's yes;
    `auto` lets what can be done again pass, asks the person when the client can, and else wants the
    call to repeat words that only an answer of this server tells.

    Args:
        call: The request.
        question: What to ask the person.
        is_reversible: Whether nothing is lost that a new run would not bring back.
        words: What the call must repeat in its argument `confirm` when nobody can be asked.
        given: What it did give.

    Raises:
        ConfirmationRequiredError: Nobody could be asked and the words are missing or wrong.
    """
    policy = call.settings.confirm
    if policy is ConfirmPolicy.NEVER or (policy is ConfirmPolicy.AUTO and is_reversible):
        return Consent.YES
    if call.client.can_ask:
        return await call.client.ask(question)
    if policy is ConfirmPolicy.ALWAYS:
        raise ConfirmationRequiredError(
            "This server wants a person's yes for that, and this client cannot ask one.",
            hint="Tell the user. They can do it with the command `synapse run`, or start the "
            "server with --confirm auto.",
        )
    if given != words:
        raise ConfirmationRequiredError(
            f"{question} Nothing was done.",
            hint=f"If the user agrees, repeat the call with the argument confirm={words!r}.",
            repeat_with={"confirm": words},
        )
    return Consent.YES


def declined(consent: Consent) -> str:
    """Return what an agent is told when a person did not say yes: an answer, and no error."""
    said = "declined" if consent is Consent.NO else "dismissed the question"
    return f"The user {said}; nothing was done. Do not repeat the call unless the user asks for it."

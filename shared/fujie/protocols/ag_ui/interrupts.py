"""What a run waits for, as AG-UI's interrupts: their ids name the run, so that any instance can find it again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fujie.protocols.agentscope.templates import consent_words
from fujie.protocols.events import ConsentRequired

REASON = "fujie:authorization"
"""A reason of our own, as the interrupts page names them: the answer is given on another page, not in the client."""
_ANSWER = {
    "type": "object",
    "properties": {"approved": {"type": "boolean", "description": "false gives the run up"}},
}


@dataclass(frozen=True, slots=True)
class Resume:
    """One entry of `resume`: what became of an interrupt."""

    interrupt_id: str
    status: Literal["resolved", "cancelled"]
    payload: Any = None

    @property
    def run_id(self) -> str:
        """Return the id of our run that raised the interrupt, unverified; empty where the id is none of ours."""
        return self.interrupt_id.partition(".")[0] if "." in self.interrupt_id else ""

    @property
    def consent_id(self) -> str:
        return self.interrupt_id.partition(".")[2]

    @property
    def gives_up(self) -> bool:
        """Is the interrupt abandoned, or denied in the payload?"""
        denied = isinstance(self.payload, dict) and self.payload.get("approved") is False
        return self.status == "cancelled" or denied


def interrupt_id(run_id: str, consent_id: str) -> str:
    """Return the id under which a consent of a run is waited for."""
    return f"{run_id}.{consent_id}"


def interrupts(run_id: str, asked: Sequence[ConsentRequired], waiting_for: Sequence[str]) -> list[dict[str, Any]]:
    """Return the interrupts of a pause, at least one, since the outcome must name what is waited for."""
    known = {event.request.consent_id: event for event in asked}
    return [
        _interrupt(run_id, known[id_]) if id_ in known else {"id": interrupt_id(run_id, id_), "reason": REASON}
        for id_ in dict.fromkeys(waiting_for or ("",))
    ]


def _interrupt(run_id: str, event: ConsentRequired) -> dict[str, Any]:
    request = event.request
    return {
        "id": interrupt_id(run_id, request.consent_id),
        "reason": REASON,
        "message": consent_words(request).strip(),
        "toolCallId": event.call_id,
        "responseSchema": _ANSWER,
        "expiresAt": request.expires_at,
        "metadata": {"fujie": consent_data(event)},
    }


def consent_data(event: ConsentRequired) -> dict[str, Any]:
    """Return what a card needs to show, in AG-UI's spelling."""
    request = event.request
    return {
        "consentId": request.consent_id,
        "toolCallId": event.call_id,
        "connectUrl": request.connect_url,
        "provider": request.provider,
        "providerName": request.provider_name,
        "scopes": [{"name": scope.name, "words": dict(scope.words)} for scope in request.scopes],
        "tool": request.tool,
        "reason": request.reason,
        "expiresAt": request.expires_at,
    }

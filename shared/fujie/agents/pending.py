"""The tool calls of a paused run: which wait for which consent, and what the others gave."""

import json
from collections.abc import Mapping

from msgspec import Struct, to_builtins

from fujie.agents.runner import ToolCall
from fujie.agents.tool_client import ToolOutcome, failure

REFUSALS = {
    "denied": ("consent_denied", "the person did not allow it; do not try again unless asked to"),
    "expired": ("consent_expired", "the person did not answer in time; say so, and that asking again is possible"),
    "cancelled": (
        "sign_in_again",
        "the person's sign-in has ended before the permission was complete; say to sign in again, then to ask again",
    ),
}
"""Of a run that goes on: a request is otherwise cancelled only together with its run, or asked anew by its code."""


class PendingCall(Struct, frozen=True):
    """One call of the step that paused: it waits for `consent_id`, or has its `output` already.

    A permission that the agent's own code asks for is a call of a tool without a name.
    """

    call: ToolCall
    consent_id: str = ""
    output: str = ""
    ok: bool = True


class Pending(Struct, frozen=True):
    """What a paused run needs, beside its history, to go on."""

    calls: tuple[PendingCall, ...] = ()
    usage: Mapping[str, int] = {}

    def consents(self) -> tuple[str, ...]:
        """Return the ids of the consents it waits for, each once."""
        return tuple(dict.fromkeys(call.consent_id for call in self.calls if call.consent_id))

    def as_json(self) -> str:
        """Return the text that the run's row keeps."""
        return json.dumps(to_builtins(self), ensure_ascii=False)


def pending_from_json(text: str) -> Pending:
    """Return what `Pending.as_json` wrote."""
    data = json.loads(text)
    calls = (PendingCall(**item | {"call": ToolCall(**item["call"])}) for item in data["calls"])
    return Pending(tuple(calls), data["usage"])


def refusal(outcome: str) -> ToolOutcome:
    """Return what the model is told of a call that the user did not allow."""
    code, message = REFUSALS[outcome]
    return failure(code, message)

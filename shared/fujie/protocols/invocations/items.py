"""Events of a run as the items that an agent's function would have yielded: text as strings, values as they are.

What no function yields has a `type`: `reasoning`, `tool_call`, `tool_result`, `state`, `authorization_required`,
`authorization_resolved`, `run_paused`. A failure is an item with `error`, as both servers write it.
"""

from typing import Any

from msgspec import to_builtins

from fujie.protocols.events import (
    ConsentRequired,
    ConsentResolved,
    DataProduced,
    ReasoningDelta,
    RunCanceled,
    RunEvent,
    RunFailed,
    RunPaused,
    RunStarted,
    StateChanged,
    TextDelta,
    ToolCalled,
    ToolReturned,
    value_of,
)

NOTHING = object()
"""The item of an event that says nothing here."""


class Items:
    """One run's items; it remembers the run's ids for those who come back."""

    def __init__(self) -> None:
        self.run_id = ""
        self.session_id = ""

    def item(self, event: RunEvent) -> Any:  # noqa: C901, PLR0911 - one arm per event
        """Return what an event says, or NOTHING."""
        match event:
            case TextDelta():
                return event.text
            case DataProduced():
                return value_of(event.data)
            case ReasoningDelta():
                return {"type": "reasoning", "text": event.text}
            case ToolCalled():
                head = {"type": "tool_call", "call_id": event.call_id, "name": event.name}
                return head | {"arguments": value_of(event.arguments)}
            case ToolReturned():
                told = to_builtins(event)
                del told["message_id"]
                return {"type": "tool_result"} | told
            case StateChanged():
                return {"type": "state", "state": value_of(event.state)}
            case ConsentRequired():
                return {"type": "authorization_required"} | to_builtins(event.request) | {"call_id": event.call_id}
            case ConsentResolved():
                return {"type": "authorization_resolved", "consent_id": event.consent_id, "outcome": event.outcome}
            case RunPaused():
                ids = {"run_id": self.run_id, "session_id": self.session_id}
                return {"type": "run_paused", **ids, "waiting_for": list(event.waiting_for)}
            case RunFailed():
                return failure(event.message, event.code)
            case RunCanceled():
                return failure("the run was canceled", "canceled")
            case RunStarted():
                self.run_id, self.session_id = event.run_id, event.session_id
        return NOTHING


def failure(message: str, code: str) -> dict[str, str]:
    """Return the item that ends a run that failed."""
    return {"error": message, "error_type": code, "message": "An error occurred during streaming"}

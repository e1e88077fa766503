"""What a run without a store waits for, in this process alone: the permissions that its code asked its user for."""

from collections.abc import Callable, Sequence
from datetime import datetime

from fujie.agents.own_requests import LOOK_AFTER, OUTCOMES, Outcome, answer_of, end_of, shown, telling
from fujie.agents.pending import REFUSALS
from fujie.identity.errors import AuthorizationRequired
from fujie.identity.links import Link
from fujie.ids import new_message_id, new_uuid
from fujie.permission import ConsentRequest
from fujie.protocols.events import ConsentRequired, ConsentResolved, RunEvent, RunFailed, RunPaused, RunResumed
from fujie.sessions.rows import Run


class _Request:
    """One permission, and how it stands."""

    def __init__(self, shown_as: ConsentRequest, link: Link | None, now: datetime) -> None:
        self.shown = shown_as
        self.link = link
        self.ends_at = end_of(shown_as, now)
        self.look_at = now + LOOK_AFTER
        self.outcome: Outcome | None = None


class Waiting:
    """All that one run waits for; `granted` is told in the run's loop when one of them is confirmed here."""

    def __init__(
        self, asked: Sequence[AuthorizationRequired], run: Run, now: datetime, granted: Callable[[str, str], None]
    ) -> None:
        self._requests = [_Request(shown(each, run), getattr(each, "link", None), now) for each in asked]
        for request in self._requests:
            if request.link is not None:
                request.link.listeners.append(telling(granted, run.id, request.shown.consent_id))

    def said(self) -> list[RunEvent]:
        """Return what tells of the pause, but for its last event."""
        return [ConsentRequired(new_message_id(), f"call_{new_uuid()}", each.shown) for each in self._requests]

    def paused(self) -> RunPaused:
        """Return the pause."""
        return RunPaused(tuple(each.shown.consent_id for each in self._requests))

    @property
    def ends_at(self) -> datetime:
        """Until when it may be answered."""
        return max(each.ends_at for each in self._requests)

    def grant(self, consent_id: str) -> None:
        """Take a permission as given."""
        for each in self._requests:
            if each.shown.consent_id == consent_id and each.outcome is None:
                each.outcome = "completed"

    async def look(self, now: datetime) -> bool:
        """Say whether all is answered; the cloud is asked how links stand, each at most every few seconds."""
        for each in self._requests:
            if each.outcome is None and now >= each.ends_at:
                each.outcome = "expired"
            elif each.outcome is None and each.link is not None and now >= each.look_at:
                each.look_at = now + LOOK_AFTER
                answer = await answer_of(each.link)
                each.outcome = each.outcome or OUTCOMES.get(answer)
        return all(each.outcome is not None for each in self._requests)

    def resumed(self, at: int) -> list[RunEvent]:
        """Return what the run says first when it goes on, and last, too, where something was not allowed."""
        resolved = self.resolved("expired")
        refused = next((each.outcome for each in self._requests if each.outcome != "completed"), None)
        failed = [RunFailed(at, *REFUSALS[refused])] if refused else []
        return [RunResumed(at), *resolved, *failed]

    def resolved(self, otherwise: Outcome) -> list[RunEvent]:
        """Return how each was answered; what is open is so `otherwise`."""
        return [
            ConsentResolved(new_message_id(), each.shown.consent_id, each.outcome or otherwise)
            for each in self._requests
        ]

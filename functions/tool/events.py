"""Events that are no requests: each calls the tools that wait for it, once, however often it is delivered.

An event whose handling fails is new again, and the platform, told by an exception, delivers it again or ends it in its
dead-letter destination. A write whose worker died in the middle, or whose provider did not say what it did, is not
repeated: nobody knows whether it took effect.
"""

import logging
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from msgspec import structs

from fujie import clock
from fujie.errors import FujieError
from fujie.fc.events import Event, MessageEvent, events_from
from fujie.identity.acting import Unattended
from fujie.sessions.rows import Deed, DeedOutcome, DeedState
from fujie.telemetry import bind
from fujie.tools.declaration import Tool
from fujie.tools.errors import (
    AnswerTooLargeError,
    OutputInvalidError,
    OutputTooLargeError,
    ProviderTimeoutError,
    ProviderUnreachableError,
)
from fujie.tools.outcomes import Succeeded
from fujie.tools.sources import arguments_of, is_called_by
from functions.tool.once import HELD
from functions.tool.parts import Parts

ACTOR = "event"
REMEMBERED = timedelta(days=8)
"""A day longer than the platform may keep an event (fc.md 2.3)."""

SAYS_NOTHING_OF_THE_EFFECT = frozenset(
    error.code
    for error in (
        ProviderTimeoutError,
        ProviderUnreachableError,
        AnswerTooLargeError,
        OutputInvalidError,
        OutputTooLargeError,
    )
)
"""With these a write may have taken effect."""

log = logging.getLogger(__name__)


class EventFailedError(FujieError):
    """An event was not handled; the platform may deliver it again."""

    code = "event_failed"


class EventHandler:
    """Takes what is not HTTP: FC's `on_event`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def __call__(self, document: Any, _context: Any) -> dict[str, int]:
        """Return how many calls were made; raises EventFailedError when one of them failed, ForeignEventError."""
        made, failed = 0, []
        for event in events_from(document):
            for tool in self._called_by(event):
                problem = await self._once(tool, event)
                made += problem is None
                failed += [f"{tool.name}: {problem}"] if problem else []
        if failed:
            raise EventFailedError("; ".join(failed))
        return {"calls": made}

    def _called_by(self, event: Event) -> Iterable[Tool]:
        bucket = self._parts.settings.oss_bucket
        event = self._as_declared(event)
        found = [tool for tool in self._parts.registry if is_called_by(tool.name, tool.on, event, bucket)]
        if not found:
            log.warning("no tool waits for the event %s", event.id)
        return found

    def _as_declared(self, event: Event) -> Event:
        """Return a message with the name that tools call its queue by, which is a stack's own in the account."""
        if not isinstance(event, MessageEvent):
            return event
        names = {queue: declared for declared, queue in self._parts.settings.queues.items()}
        return structs.replace(event, queue=names.get(event.queue, event.queue))

    async def _once(self, tool: Tool, event: Event) -> str | None:
        """Handle the event with the tool unless that was done; return why it was not."""
        now, identity = clock.now(), f"{tool.name}:{event.id}"
        claim = await self._parts.store.claim_deed(Deed(identity, "running", now + HELD, now + REMEMBERED), now)
        if claim.state == "done":
            return None
        if problem := _refusal(claim.state, tool):
            if claim.state == "lost":
                await self._parts.store.end_deed(identity, "unknown")
            return problem
        with bind(run_id=event.id):
            outcome, problem = await self._call(tool, event)
        await self._parts.store.end_deed(identity, outcome)
        return problem

    async def _call(self, tool: Tool, event: Event) -> tuple[DeedOutcome, str | None]:
        acting = Unattended(self._parts.settings.tenant, event.id)
        arguments = arguments_of(event, tool.parameters["properties"])
        outcome = await self._parts.caller.call(
            acting, tool.name, arguments, call_id=event.id, language="en", actor=ACTOR
        )
        if isinstance(outcome, Succeeded):
            return "done", None
        code = str(outcome.as_dict().get("error", {}).get("code", "it waits for a person"))
        if tool.effect == "write" and code in SAYS_NOTHING_OF_THE_EFFECT:
            return "unknown", f"its outcome is unknown: {code}"
        return "failed", code


def _refusal(found: DeedState, tool: Tool) -> str | None:
    """Return why an event that was found so is not begun, or not begun again."""
    if found == "held":
        return "another worker is at it"
    if found == "unknown" or (found == "lost" and tool.effect == "write"):
        return "its outcome is unknown: the worker died in the middle of it"
    return None

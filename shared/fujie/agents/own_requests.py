"""What an agent's own code asks its user to allow, beside the requests of a stack's tools.

There is no connect page then: the link is the cloud's own, the row in the store says only what the run waits for, and
no state of it can come back to a stack's callback. How it stands is known to the process that asked, and told by it.
"""

import asyncio
import contextvars
import logging
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from fujie.errors import FujieError
from fujie.identity.errors import AuthorizationRequired
from fujie.identity.links import Answer, Link
from fujie.identity.port import IdentityStore
from fujie.identity.rows import OWN, Consent
from fujie.permission import ConsentRequest
from fujie.sessions.rows import Run

LOOK_AFTER = timedelta(seconds=3)
"""The cloud is not asked about one request more often, whoever wants to know."""
TTL = timedelta(minutes=10)
"""Of a request that does not say how long it may be answered."""
_log = logging.getLogger(__name__)
Granted = Callable[[str, str], None]
"""Is told run and consent, in the loop in which the run was."""
Outcome = Literal["completed", "denied", "expired", "cancelled"]
OUTCOMES: dict[Answer, Outcome] = {"granted": "completed", "refused": "denied"}


class _Asked(Struct):
    """One request that was made here, and when its link is to be looked at again; one without a link only expires."""

    link: Link | None
    look_at: datetime
    ends_at: datetime


class OwnRequests:
    """The requests that were made here and are open."""

    def __init__(self, store: IdentityStore, granted: Granted) -> None:
        self._store = store
        self._granted = granted
        self._asked: dict[str, _Asked] = {}

    async def ask(self, asked: AuthorizationRequired, run: Run, call_id: str, now: datetime) -> ConsentRequest:
        """Keep a request for a run, and return what its user is shown."""
        request, link = shown(asked, run), getattr(asked, "link", None)
        row = Consent(
            request.consent_id,
            run.user,
            run.id,
            call_id,
            run.delegation_id,
            request.provider,
            tuple(scope.name for scope in request.scopes),
            request.tool,
            request.reason,
            state_hash=OWN + request.consent_id,
            session_uri=getattr(asked, "session_uri", ""),
            authorization_url="",
            status="requested",
            created_at=now,
            expires_at=end_of(request, now),
        )
        await self._store.add_consent(row)
        self._asked = {id_: kept for id_, kept in self._asked.items() if kept.ends_at > now}
        self._asked[row.id] = _Asked(link, now + LOOK_AFTER, row.expires_at)
        if link is not None:
            link.listeners.append(telling(self._granted, run.id, row.id))
        return request

    async def outcome(self, consent: Consent, now: datetime) -> Outcome | None:
        """Return how a request ended, None while it is open.

        Of one that was made elsewhere nobody here knows how it stands: it is cancelled, and the code, called again,
        finds out or asks anew.
        """
        if not consent.is_own:
            return None
        asked = self._asked.get(consent.id)
        if asked is None:
            return "cancelled"
        if asked.link is None or now < asked.look_at:
            return None
        asked.look_at = now + LOOK_AFTER
        return OUTCOMES.get(await answer_of(asked.link))


def shown(asked: AuthorizationRequired, run: Run) -> ConsentRequest:
    """Return what a person is shown of what code asked for, as a request of its own."""
    return replace(asked.consent, consent_id=secrets.token_urlsafe(24), tool=asked.consent.tool or run.agent)


def end_of(request: ConsentRequest, now: datetime) -> datetime:
    """Return until when a request may be answered."""
    try:
        ends = datetime.fromisoformat(request.expires_at)
    except ValueError:
        return now + TTL
    return ends if ends.tzinfo else now + TTL


async def answer_of(link: Link) -> Answer:
    """Return how a link stands; while the cloud cannot be asked it is open."""
    try:
        return await link.ask()
    except FujieError as error:
        _log.warning("how a permission stands cannot be asked: %s: %s", error.code, error.message)
        return "open"


def telling(granted: Granted, run_id: str, consent_id: str) -> Callable[[], None]:
    """Return what tells the present loop of a grant, from whatever thread.

    The run goes on in the present context, its own: whoever tells serves another request, on somebody else's behalf.
    """
    loop, context = asyncio.get_running_loop(), contextvars.copy_context()

    def tell() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(granted, run_id, consent_id, context=context)

    return tell

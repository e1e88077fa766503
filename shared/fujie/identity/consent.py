"""Requests for a user's permission, from the question to the answer; every step is a compare-and-set in the store.

requested -> bound (Allow, in one browser session) -> returned (that session came back) -> completed
and from each of these denied, expired or cancelled.

Who dies between return and completion leaves a request of which nobody knows whether the cloud has completed it. When
its time is over it counts as completed: the run that waits then hears the truth from the cloud, or asks anew.
"""

import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from fujie import clock
from fujie.identity.acting import Acting, is_same_person
from fujie.identity.delegation import sha256_hex
from fujie.identity.errors import (
    ConsentElsewhereError,
    ConsentForeignError,
    ConsentNotFoundError,
    ConsentStateError,
)
from fujie.identity.grants import merged_words
from fujie.identity.port import IdentityStore
from fujie.identity.rows import OPEN_CONSENT, BrowserSession, Consent, ConsentStatus
from fujie.permission import ConsentRequest, Scope
from fujie.secret import Secret
from fujie.settings import Settings

TTL = timedelta(minutes=9, seconds=30)
"""A little less than the cloud's ten minutes, so that our page never sends anyone to a dead link."""
COMPLETION = timedelta(seconds=30)
"""What came back in time has this long to be completed, by one who lives: `callback` gives up before."""
MAX_STATE = 512
WAITING: tuple[ConsentStatus, ...] = ("requested", "bound")

Outcome = Literal["completed", "denied", "expired", "cancelled"]
Words = str | Mapping[str, str]
"""One text, or one per language."""


@dataclass(frozen=True)
class ConsentAsk:
    """What a tool call says about the permission that it needs, in the user's words."""

    tool: str
    call_id: str
    reason: Words = ""
    provider_name: str = ""
    scope_words: Mapping[str, Words] = field(default_factory=dict)
    """Scope name -> what it allows."""
    language: str = "en"
    """Of the `reason` in the ConsentRequest; scope words travel in all languages."""


@dataclass(frozen=True)
class ConsentWords:
    """What the connect page says, by language."""

    provider_name: str
    reason: Mapping[str, str]
    scopes: tuple[Scope, ...]


class ConsentDesk:
    """Keeps the requests for consent of a stack."""

    def __init__(self, settings: Settings, store: IdentityStore, *, now: clock.Clock = clock.now) -> None:
        self._settings = settings
        self._store = store
        self._now = now

    async def request(
        self,
        acting: Acting,
        provider: str,
        scopes: Sequence[str],
        ask: ConsentAsk,
        *,
        session_uri: str,
        authorization_url: str,
        state: Secret,
        expires_at: datetime,
        known_words: str = "",
    ) -> ConsentRequest:
        """Store a new request of the run and return what the user is shown.

        `known_words` are those of a permission that stands and that this one goes beyond.
        """
        consent = Consent(
            id=secrets.token_urlsafe(32),
            user=acting.user,
            run_id=acting.run.id,
            call_id=ask.call_id,
            delegation_id=acting.run.delegation_id,
            provider=provider,
            scopes=tuple(scopes),
            tool=ask.tool,
            reason=in_language(by_language(ask.reason), ask.language),
            state_hash=sha256_hex(state.reveal()),
            session_uri=session_uri,
            authorization_url=authorization_url,
            status="requested",
            created_at=self._now(),
            expires_at=expires_at,
            session_hash=acting.delegation.session_hash,
            words=merged_words(known_words, words_from_ask(ask)),
        )
        await self._store.add_consent(consent)
        return self.shown(consent)

    async def open_request(self, acting: Acting, provider: str, scopes: Sequence[str]) -> ConsentRequest | None:
        """Return the request that this run already waits for with the same user, provider and scopes, if any."""
        for consent in await self._store.open_consents(acting.run.id):
            is_same = consent.provider == provider and set(consent.scopes) == set(scopes)
            if is_same and is_same_person(consent.user, acting.user) and self._now() < consent.expires_at:
                return self.shown(consent)
        return None

    def shown(self, consent: Consent) -> ConsentRequest:
        """Return what the user is shown of a request: our own connect page, never the provider's address."""
        words = words_from_consent(consent)
        return ConsentRequest(
            consent_id=consent.id,
            provider=consent.provider,
            provider_name=words.provider_name,
            scopes=words.scopes,
            tool=consent.tool,
            reason=consent.reason,
            connect_url=f"{self._settings.public_url}/connect/{consent.id}",
            expires_at=consent.expires_at.isoformat(),
        )

    async def look(self, consent_id: str, session: BrowserSession) -> Consent:
        """Return a request that the browser's user may still answer.

        Raises ConsentNotFoundError, ConsentForeignError or ConsentStateError; nothing is stored for a stranger.
        """
        consent = self._own(await self._store.consent(consent_id), session)
        await self._refuse_expired(consent)
        if consent.status not in WAITING:
            raise ConsentStateError(f"this request is {consent.status}")
        return consent

    async def allow(self, consent_id: str, session: BrowserSession) -> str:
        """Bind the request to this browser session and return the cloud's authorization URL."""
        consent = await self.look(consent_id, session)
        bound = await self._store.move_consent(
            consent.id, ["requested"], "bound", bound_session_hash=session.id_hash
        ) or await self._store.consent(consent.id)
        if bound is None or bound.status != "bound":
            raise ConsentStateError("this request was answered a moment ago")
        if not hmac.compare_digest(bound.bound_session_hash, session.id_hash):
            raise ConsentElsewhereError("this request is being answered in another browser")
        return bound.authorization_url

    async def deny(self, consent_id: str, session: BrowserSession) -> Consent:
        """Record the user's no."""
        consent = await self.look(consent_id, session)
        denied = await self._store.move_consent(consent.id, WAITING, "denied")
        if denied is None:
            raise ConsentStateError("this request was answered a moment ago")
        return denied

    async def take_return(self, *, session_uri: str, state: str, session: BrowserSession) -> Consent:
        """Return the request that a browser came back for, once: user, session, state, URI and time all hold.

        Raises ConsentNotFoundError, ConsentForeignError or ConsentStateError.
        """
        known = await self._store.consent_by_state(sha256_hex(state)) if 0 < len(state) <= MAX_STATE else None
        consent = self._own(known, session)
        if consent.status != "bound":
            raise ConsentStateError(f"this request is {consent.status}")
        if not hmac.compare_digest(consent.bound_session_hash, session.id_hash):
            raise ConsentElsewhereError("this request was allowed in another browser")
        if not hmac.compare_digest(consent.session_uri.encode(), session_uri.encode()):
            raise ConsentStateError("the answer belongs to another request")
        await self._refuse_expired(consent)
        until = self._now() + COMPLETION
        returned = await self._store.move_consent(consent.id, ["bound"], "returned", expires_at=until)
        if returned is None:
            raise ConsentStateError("this request was answered a moment ago")
        return returned

    async def reopen(self, consent: Consent) -> None:
        """Put a request that came back, and surely was not completed, to where Allow had left it."""
        until = consent.created_at + TTL
        await self._store.move_consent(consent.id, ["returned"], "bound", expires_at=until)

    async def settle(self, consent_id: str, outcome: Outcome) -> Consent | None:
        """Give the request its outcome; None when it has one. Only a request that came back can be completed."""
        expected: Sequence[ConsentStatus] = ["returned"] if outcome == "completed" else OPEN_CONSENT
        return await self._store.move_consent(consent_id, expected, outcome)

    async def answer_alike(self, completed: Consent) -> Sequence[Consent]:
        """Complete what else the same person is asked for that this answer covers, and return those, to be woken.

        The cloud keeps one permission per person, provider and scopes: a second Allow would ask for what is given.
        It keeps it for one workload, so what an agent's own code asks stays open.
        """
        asked = await self._store.open_consents_of(completed.user, completed.provider)
        covered = [other for other in asked if not other.is_own and set(other.scopes) <= set(completed.scopes)]
        alike = [other for other in covered if other.status in WAITING]
        moved = [await self._store.move_consent(other.id, WAITING, "completed") for other in alike]
        return [consent for consent in moved if consent is not None]

    async def expire_due(self) -> Sequence[Consent]:
        """Settle every open request whose time is over and return those, so that their runs can be woken."""
        due = await self._store.expired_consents(self._now())
        moved = [await self._store.move_consent(row.id, [row.status], outcome_when_over(row)) for row in due]
        return [consent for consent in moved if consent is not None]

    def _own(self, consent: Consent | None, session: BrowserSession) -> Consent:
        if consent is None:
            raise ConsentNotFoundError("there is no such request for permission")
        if not is_same_person(consent.user, session.user):
            raise ConsentForeignError("this request for permission belongs to somebody else")
        if consent.session_hash and not hmac.compare_digest(consent.session_hash, session.id_hash):
            raise ConsentElsewhereError("this request for permission was made in another browser session")
        return consent

    async def _refuse_expired(self, consent: Consent) -> None:
        """Refuse without moving it: whoever watches the run expires the request and wakes the run in one go."""
        if self._now() >= consent.expires_at:
            raise ConsentStateError("the time to answer this request is over")


def outcome_when_over(consent: Consent) -> Outcome:
    """Return how an open request ends whose time is over.

    Of one that came back "completed" says what the person did: Allow. No grant is made of it and no entry in the
    ledger, since nobody knows what the cloud has; that a provider is connected is said when the cloud has said it.
    """
    return "completed" if consent.status == "returned" else "expired"


def words_from_consent(consent: Consent) -> ConsentWords:
    """Return what the connect page says about a stored request."""
    data = json.loads(consent.words) if consent.words else {}
    scope_words = data.get("scopes", {})
    return ConsentWords(
        data.get("provider_name") or consent.provider,
        data.get("reason", {"en": consent.reason}),
        tuple(Scope(name, scope_words.get(name, {})) for name in consent.scopes),
    )


def by_language(words: Words) -> dict[str, str]:
    """Return words as a mapping from language; a plain text counts as English."""
    if isinstance(words, str):
        return {"en": words} if words else {}
    return dict(words)


def in_language(words: Mapping[str, str], language: str) -> str:
    """Return the text in the language, else in English, else in any."""
    return words.get(language) or words.get("en") or next(iter(words.values()), "")


def words_from_ask(ask: ConsentAsk) -> str:
    """Return the words that the rows of consents and grants keep."""
    scopes = {name: by_language(words) for name, words in ask.scope_words.items()}
    words = {"provider_name": ask.provider_name, "reason": by_language(ask.reason), "scopes": scopes}
    return json.dumps(words, ensure_ascii=False)

"""What a person has allowed at providers: kept when a consent is completed, asked at each use, withdrawn at any time.

The cloud has no call that revokes. So a withdrawal does two things: credentials kept under its grant's older generation
serve nobody from that moment, and the next use asks the person anew, whatever the cloud's vault still holds.
"""

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fujie.identity.acting import Acting
from fujie.identity.port import IdentityStore
from fujie.identity.rows import Consent, Grant, User

TOUCH_EVERY = timedelta(minutes=1)
"""The last use is noted at most this often, so that a warm call is not always a write."""


@dataclass(frozen=True)
class Permission:
    """How a use of one provider has to ask: made from the grant as it stands at this moment."""

    grant: Grant | None

    @property
    def generation(self) -> int:
        """Tells credentials obtained before a withdrawal from those after."""
        return self.grant.generation if self.grant else 0

    @property
    def is_withdrawn(self) -> bool:
        return self.grant is not None and self.grant.withdrawn_at is not None

    def scopes_to_ask(self, wanted: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
        """Return what the cloud is asked for, in turn: the least first, at last what stands and what is new together.

        A person is so asked for one permission, not for two of which the cloud may keep one.
        """
        if self.grant is None or self.is_withdrawn:
            return (wanted,)
        together = union(wanted, self.grant.scopes)
        return (wanted, together) if set(wanted) < set(self.grant.scopes) else (together,)

    def words(self) -> str:
        """Return the words of what stands."""
        return self.grant.words if self.grant and not self.is_withdrawn else ""


async def permission(store: IdentityStore, user: User, provider: str) -> Permission:
    """Return how the person's permission at the provider stands now."""
    return Permission(await store.grant(user, provider))


async def grant_from_consent(store: IdentityStore, consent: Consent, at: datetime) -> None:
    """Keep a completed consent as a grant; what stood before stays in it."""
    before = await permission(store, consent.user, consent.provider)
    scopes = union(consent.scopes, before.grant.scopes) if before.grant and not before.is_withdrawn else consent.scopes
    words = merged_words(before.words(), consent.words)
    await store.give_grant(_grant(consent.user, consent.provider, scopes, at, words), revives=True)


async def note_use(
    store: IdentityStore,
    acting: Acting,
    provider: str,
    scopes: tuple[str, ...],
    seen: Permission,
    words: str,
    at: datetime,
) -> None:
    """Note a use of what the vault gave; a permission that it knew and we did not becomes a grant one can withdraw."""
    grant = seen.grant
    if grant is None or not set(scopes) <= set(grant.scopes):
        known = grant.scopes if grant else ()
        new = _grant(acting.user, provider, union(scopes, known), at, merged_words(seen.words(), words))
        await store.give_grant(new, revives=False)
        grant = await store.grant(acting.user, provider)
    if grant and (grant.last_used_at is None or not timedelta() <= at - grant.last_used_at < TOUCH_EVERY):
        await store.touch_grant(grant.id, at)


def words_of(grant: Grant) -> tuple[str, Mapping[str, Mapping[str, str]]]:
    """Return the provider's name to show, and by scope what it allows in the words of each language."""
    data: dict[str, Any] = json.loads(grant.words) if grant.words else {}
    return data.get("provider_name") or grant.provider, data.get("scopes", {})


def union(one: Iterable[str], other: Iterable[str]) -> tuple[str, ...]:
    """Return both, sorted, each once."""
    return tuple(sorted({*one, *other}))


def merged_words(older: str, newer: str) -> str:
    """Return the words of a consent with the scopes' words of an older one beside its own."""
    if not older or not newer:
        return newer or older
    before: dict[str, Any] = json.loads(older)
    after: dict[str, Any] = json.loads(newer)
    scopes = before.get("scopes", {}) | after.get("scopes", {})
    return json.dumps(before | after | {"scopes": scopes}, ensure_ascii=False)


def _grant(user: User, provider: str, scopes: tuple[str, ...], at: datetime, words: str) -> Grant:
    return Grant(secrets.token_urlsafe(16), user, provider, scopes, at, words=words)

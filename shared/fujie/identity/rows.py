"""What identity keeps in the store: one frozen row per noun. Times are aware UTC datetimes; ids are opaque text."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

ConsentStatus = Literal["requested", "bound", "returned", "completed", "denied", "expired", "cancelled"]
OPEN_CONSENT: tuple[ConsentStatus, ...] = ("requested", "bound", "returned")
OWN = "own:"
"""Begins the `state_hash` of what an agent's own code asks, which is no hash: no state comes back to a stack."""


class User(Struct, frozen=True):
    """A person as verified claims name them: the tenant, the issuer's `sub`, and a name to show."""

    tenant: str
    id: str
    name: str


class LoginAttempt(Struct, frozen=True):
    """One sign-in under way: single-use, bound to the browser that began it."""

    state_hash: str
    browser_hash: str
    """SHA-256 of the short-lived cookie that the browser got with the redirect."""
    code_verifier: str
    nonce: str
    return_to: str
    expires_at: datetime


class BrowserSession(Struct, frozen=True):
    """A signed-in browser, found by the hash of its cookie."""

    id_hash: str
    user: User
    delegation_id: str
    csrf_token: str
    created_at: datetime
    idle_expires_at: datetime
    expires_at: datetime


class Delegation(Struct, frozen=True):
    """A user's inbound token, sealed: opaque to everyone but `tool` and `callback`."""

    id: str
    user: User
    session_hash: str
    """`BrowserSession.id_hash`, or empty for a direct call with a bearer token."""
    sealed: str
    """JWE compact serialization."""
    expires_at: datetime
    """When the id_token inside ends; a refresh moves it."""
    created_at: datetime
    withdrawn_at: datetime | None = None


class Consent(Struct, frozen=True):
    """One request for a user's permission, bound to (tenant, user, browser session, provider, scopes)."""

    id: str
    """The unguessable part of the connect URL."""
    user: User
    run_id: str
    call_id: str
    delegation_id: str
    provider: str
    scopes: tuple[str, ...]
    tool: str
    reason: str
    state_hash: str
    """SHA-256 of the CustomState that the return must carry; single-use."""
    session_uri: str
    authorization_url: str
    status: ConsentStatus
    created_at: datetime
    expires_at: datetime
    session_hash: str = ""
    """The browser session that began the run; empty for direct calls, then any session of the same user."""
    bound_session_hash: str = ""
    """The browser session that pressed Allow: the return must come from the same one."""
    words: str = ""
    """JSON text for the connect page: the provider's display name, and the reason and the scopes' words by language."""

    @property
    def is_own(self) -> bool:
        """Is it asked by an agent's own code, for another workload than that of the stack's tools?"""
        return self.state_hash.startswith(OWN)


class Grant(Struct, frozen=True):
    """What a person has allowed at one provider: one row per tenant, person and provider; a completed consent makes it.

    The cloud cannot be told to forget a permission, so `generation` does: each withdrawal raises it, and credentials
    that were kept under an older one serve nobody.
    """

    id: str
    user: User
    provider: str
    scopes: tuple[str, ...]
    granted_at: datetime
    last_used_at: datetime | None = None
    withdrawn_at: datetime | None = None
    generation: int = 0
    words: str = ""
    """JSON text as in `Consent.words`."""


class SealedCredential(Struct, frozen=True):
    """A credential that the instances of a function share, in an envelope that this row alone does not open."""

    key_hash: str
    """SHA-256 of whose it is and for what."""
    sealed: str
    expires_at: datetime
    """When the row may be swept up; until when the credential may be used lies inside."""


Decision = Literal["issued", "asked", "refused", "withdrawn"]


class LedgerEntry(Struct, frozen=True):
    """One use of a credential. The store numbers it and chains it to the one before; nothing ever changes it."""

    at: datetime
    actor: str
    """Who: the functions that spoke, the last first."""
    user: User
    """On whose behalf."""
    run_id: str
    call_id: str
    tool: str
    kind: str
    provider: str
    scopes: tuple[str, ...]
    decision: Decision
    outcome: str
    """`ok`, `waits`, or the code of what went wrong; of a withdrawal what became of it at the provider."""
    fingerprint: str = ""
    """Keyed, so that nobody can try credentials against it; empty when none was issued."""
    seq: int = 0
    previous: str = ""
    """`seal` of the entry before; empty in the first."""
    seal: str = ""

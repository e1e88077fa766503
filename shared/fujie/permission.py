"""What a person is asked to allow, and which credential was used for him: nouns that everybody may speak of."""

from typing import Literal

from msgspec import Struct, field

OAuthFlow = Literal["USER_FEDERATION", "M2M", "ON_BEHALF_OF"]
"""Whose an access token is: the user's, who is asked; the workload's own; the workload's in the user's name."""


class CredentialBadge(Struct, frozen=True):
    """Which credential a tool call used: never the credential itself."""

    kind: Literal["api_key", "oauth", "sts"]
    provider: str
    scopes: tuple[str, ...] = ()
    user: str = ""
    """Display name of the person on whose behalf; empty where the credential is the workload's own."""
    expires_at: str = ""
    """ISO 8601 UTC, or empty where the credential does not expire (an API key)."""


class Scope(Struct, frozen=True):
    """One OAuth scope, and what it allows in the user's words, by language."""

    name: str
    words: dict[str, str] = field(default_factory=dict)


class ConsentRequest(Struct, frozen=True):
    """What the user is asked to allow. `connect_url` is our own page, never the provider's."""

    consent_id: str
    provider: str
    provider_name: str
    scopes: tuple[Scope, ...]
    tool: str
    reason: str
    connect_url: str
    expires_at: str

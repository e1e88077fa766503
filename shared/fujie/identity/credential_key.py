"""Whose credential for what, and for how long one is handed out."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from fujie.identity.credential_cache import NO_TIME

API_KEY_TTL = timedelta(minutes=5)
"""API keys do not end; this is how long a withdrawn one may still be sent."""
MARGIN = timedelta(seconds=60)
"""A credential is not handed out in its last minute: the call it is for takes a while."""

Kind = Literal["api_key", "oauth", "sts"]


@dataclass(frozen=True)
class CacheKey:
    """Whose credential for what: two calls share one only if all of this is equal."""

    tenant: str
    user: str
    workload: str
    provider: str
    scopes: tuple[str, ...]
    kind: Kind
    policy_hash: str = ""
    generation: int = 0


def beyond_margin(lasting: timedelta) -> timedelta:
    """Return how much longer than the margin a call takes."""
    return max(lasting - MARGIN, NO_TIME)

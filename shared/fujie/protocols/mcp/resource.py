"""Where tokens for this server come from (RFC 9728), and which pages may ask it."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from fujie.protocols.mcp.errors import OriginError

METADATA_PATH = "/.well-known/oauth-protected-resource/mcp"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def resource_metadata(base_url: str, agent: str, issuers: Sequence[str]) -> dict[str, Any]:
    """Return the protected resource metadata."""
    return {
        "resource": f"{base_url}/mcp",
        "resource_name": agent,
        "authorization_servers": list(issuers),
        "bearer_methods_supported": ["header"],
        "scopes_supported": ["openid"],
    }


def challenge(base_url: str, issuers: Sequence[str]) -> str:
    """Return the value of WWW-Authenticate, which leads to the metadata where there is any."""
    return f'Bearer resource_metadata="{base_url}{METADATA_PATH}"' if issuers else "Bearer"


def check_origin(origin: str | None, public_url: str, allowed: Sequence[str] = ()) -> None:
    """Refuse a page of another origin: a name that was rebound to this address cannot pretend to be ours.

    A server that has no public address, or a loopback one, answers pages of this machine. Raises OriginError.
    """
    if origin is None or origin in allowed or _same_origin(origin, public_url):
        return
    is_local = not public_url or _host(public_url) in _LOOPBACK
    if not (is_local and _host(origin) in _LOOPBACK):
        raise OriginError("a page of this origin may not ask here")


def _same_origin(origin: str, public_url: str) -> bool:
    ours = urlsplit(public_url)
    return bool(public_url) and origin.lower() == f"{ours.scheme}://{ours.netloc}".lower()


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""

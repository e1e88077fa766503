"""Which addresses may be called: nothing inside our own network may be reached by naming it to us (SSRF).

The name is resolved once, every address it has is checked, and the connection goes to the one that was: so no second
answer of the name server is believed.
"""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from fujie.http import is_loopback
from fujie.protocols.a2a.errors import PushRefusedError
from fujie.protocols.a2a.push_config import PushConfig

RESOLVE_S = 5.0
MAX_URL_CHARS = 2048
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
_TRANSLATED = ip_network("64:ff9b::/96")
"""NAT64: the last four bytes are an IPv4 address (RFC 6052)."""
_HEADER_TEXT = re.compile(r"[\x21-\x7e]*")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,31}|")


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart, and the address to connect to."""

    host: str
    port: int
    url: str
    """The same URL with the address in the host's place."""


async def resolved(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a name. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


def check_config(config: PushConfig, *, local: bool) -> None:
    """Refuse what can be refused by looking at it. Raises PushRefusedError."""
    _parts(config.url, local=local)
    for field, value in (("token", config.token), ("authentication.credentials", config.credentials)):
        if not _HEADER_TEXT.fullmatch(value.reveal()):
            raise PushRefusedError(field, "must be visible ASCII characters")
    if not _SCHEME.fullmatch(config.scheme):
        raise PushRefusedError("authentication.scheme", "must be the name of an HTTP authentication scheme")


async def target_of(url: str, *, local: bool, resolve: Resolve = resolved) -> Target:
    """Return where to connect for a URL. Raises PushRefusedError when any address of its host is none to call."""
    scheme, host, port, rest = _parts(url, local=local)
    try:
        async with asyncio.timeout(RESOLVE_S):
            addresses = await resolve(host, port)
    except (OSError, TimeoutError, UnicodeError) as error:
        raise PushRefusedError("url", "its host has no address") from error
    if not addresses or not all(_may_call(ip_address(address), local=local) for address in addresses):
        raise PushRefusedError("url", "its host is none that is called from here")
    address = addresses[0]
    shown = f"[{address}]" if ":" in address else address
    return Target(host, port, f"{scheme}://{shown}:{port}{rest}")


def _parts(url: str, *, local: bool) -> tuple[str, str, int, str]:
    """Return scheme, host, port, and path with query."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError as error:
        raise PushRefusedError("url", "is no URL") from error
    if len(url) > MAX_URL_CHARS or not _HEADER_TEXT.fullmatch(url) or not host or "%" in host:
        raise PushRefusedError("url", "is no URL")
    if parts.username is not None or parts.password is not None:
        raise PushRefusedError("url", "must not have a user part; use `authentication`")
    if parts.scheme != "https" and not (local and parts.scheme == "http" and is_loopback(host)):
        raise PushRefusedError("url", "must be https")
    rest = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return parts.scheme, host, port or (443 if parts.scheme == "https" else 80), rest


def _may_call(address: IPv4Address | IPv6Address, *, local: bool) -> bool:
    if isinstance(address, IPv6Address) and (inner := _inner(address)) is not None:
        return _may_call(inner, local=local)
    if address.is_loopback:
        return local
    if isinstance(address, IPv6Address) and address.is_site_local:
        return False  # networks of old still have them (RFC 3879), and Python calls them global
    return address.is_global and not address.is_multicast and not address.is_reserved


def _inner(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that an IPv6 address stands for."""
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)

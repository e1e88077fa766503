"""An OIDC issuer's metadata and keys: fetched with limits, cached, refetched for an unknown key at a bounded rate."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fujie import clock
from fujie.http import NoAnswerError, fetch, is_safe_url
from fujie.identity.errors import IdentityMisconfiguredError, IssuerUnavailableError

if TYPE_CHECKING:
    import httpx2
    from joserfc.jwk import Key

MAX_DOCUMENT_BYTES = 256 * 1024
MAX_KEYS = 64
DEADLINE_S = 5.0
FRESH = timedelta(hours=1)
STALE = timedelta(hours=24)
"""How long keys are still used while every attempt to renew them fails: past this a withdrawn key would live on."""
REFETCH_EVERY = timedelta(seconds=30)
"""At most one fetch for an unknown `kid` in this time: forged tokens cannot make us flood the issuer."""
RETRY_EVERY = timedelta(seconds=2)
"""At most one fetch in this time while fetches fail."""


@dataclass(frozen=True)
class IssuerMetadata:
    """What we use of an issuer's discovery document (OpenID Connect Discovery 1.0, section 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    answers_with_issuer: bool = False
    """RFC 9207: the authorization response must carry `iss`."""
    revocation_endpoint: str = ""
    """RFC 8414; empty where the issuer has none that is safe to send a token to."""


@dataclass(frozen=True)
class _Known:
    metadata: IssuerMetadata
    keys: "tuple[Key, ...]"
    fetched_at: datetime


class Issuer:
    """A configured issuer; `metadata()` and `key()` answer from the cache where they can.

    Raises IdentityMisconfiguredError when the address is not https (http is for this machine only).
    """

    def __init__(self, http: "httpx2.AsyncClient", issuer: str, *, now: clock.Clock = clock.now) -> None:
        if not is_safe_url(issuer) or urlsplit(issuer).query or urlsplit(issuer).fragment:
            raise IdentityMisconfiguredError(
                "the OIDC issuer must be an https address", repair="set FUJIE_OIDC_ISSUER to the issuer's address"
            )
        self._http = http
        self._issuer = issuer
        self._now = now
        self._known: _Known | None = None
        self._refetched_at: datetime | None = None
        self._failed_at: datetime | None = None
        self._lock = asyncio.Lock()

    async def metadata(self) -> IssuerMetadata:
        """Return the issuer's endpoints; raises IssuerUnavailableError."""
        return (await self._current()).metadata

    async def key(self, algorithm: str, kid: str | None) -> "Key | None":
        """Return the issuer's key for a token's header, or None when it has no such key.

        An unknown `kid` causes one refetch (keys rotate), rate-limited. Raises IssuerUnavailableError.
        """
        known = await self._current()
        found = _select(known.keys, algorithm, kid)
        if found is None and self._is_past(self._refetched_at, REFETCH_EVERY):
            self._refetched_at = self._now()
            found = _select((await self._renewed(known)).keys, algorithm, kid)
        return found

    async def _current(self) -> _Known:
        known = self._known
        if known is not None and self._now() - known.fetched_at < FRESH:
            return known
        return await self._renewed(known)

    async def _renewed(self, seen: _Known | None) -> _Known:
        """Fetch once for all who saw the same thing; serve what is known while a fetch fails or is not due."""
        async with self._lock:
            if self._known is not None and self._known is not seen:
                return self._known
            if not self._is_past(self._failed_at, RETRY_EVERY):
                return self._stale("its keys could not be fetched a moment ago")
            try:
                self._known = await self._fetch()
            except NoAnswerError as error:
                return self._failed(error.message)
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                return self._failed(f"its discovery or keys are malformed ({type(error).__name__})")
            return self._known

    def _is_past(self, moment: datetime | None, interval: timedelta) -> bool:
        return moment is None or not timedelta(0) <= self._now() - moment < interval

    def _failed(self, why: str) -> _Known:
        self._failed_at = self._now()
        return self._stale(why)

    def _stale(self, why: str) -> _Known:
        if self._known is None or self._now() - self._known.fetched_at >= STALE:
            raise IssuerUnavailableError(f"the issuer {self._issuer} cannot be asked: {why}")
        return self._known

    async def _fetch(self) -> _Known:
        document = await self._document(self._issuer.rstrip("/") + "/.well-known/openid-configuration")
        metadata = metadata_from_document(document, self._issuer)
        keys = keys_from_document(await self._document(metadata.jwks_uri))
        return _Known(metadata, tuple(keys), self._now())

    async def _document(self, url: str) -> Mapping[str, Any]:
        headers = {"accept": "application/json", "accept-encoding": "identity"}
        answer = await fetch(
            self._http, "GET", url, headers=headers, max_bytes=MAX_DOCUMENT_BYTES, deadline_s=DEADLINE_S
        )
        if answer.status != 200:
            raise NoAnswerError(f"{urlsplit(url).netloc} answered {answer.status}")
        document = json.loads(answer.body)
        if not isinstance(document, dict):
            raise TypeError("not a JSON object")
        return document


def metadata_from_document(document: Mapping[str, Any], issuer: str) -> IssuerMetadata:
    """Return the metadata of exactly this issuer; raises IssuerUnavailableError when the document is another's."""
    if document.get("issuer") != issuer:
        raise IssuerUnavailableError(
            f"the discovery document at {issuer} names another issuer",
            repair="set FUJIE_OIDC_ISSUER to the issuer exactly as its discovery document spells it",
        )
    endpoints = {name: document[name] for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
    for name, url in endpoints.items():
        if not isinstance(url, str) or not is_safe_url(url) or (_is_https(issuer) and not _is_https(url)):
            raise IssuerUnavailableError(f"the issuer's {name} is not an https address")
    revocation = document.get("revocation_endpoint")
    is_usable = isinstance(revocation, str) and is_safe_url(revocation) and _is_https(revocation) >= _is_https(issuer)
    return IssuerMetadata(
        issuer,
        **endpoints,
        answers_with_issuer=document.get("authorization_response_iss_parameter_supported") is True,
        revocation_endpoint=str(revocation) if is_usable else "",
    )


def keys_from_document(document: Mapping[str, Any]) -> "Sequence[Key]":
    """Return the signature keys of a JWK set; those of kinds we do not know are left out (RFC 7517, section 5)."""
    from joserfc.errors import JoseError
    from joserfc.jwk import import_key

    keys: list[Key] = []
    for item in document["keys"][:MAX_KEYS]:
        if item.get("kty") not in {"RSA", "EC"} or item.get("use", "sig") != "sig":
            continue
        try:
            keys.append(import_key(item))
        except (JoseError, ValueError):
            continue
    return keys


def _select(keys: "Sequence[Key]", algorithm: str, kid: str | None) -> "Key | None":
    kind = "RSA" if algorithm.startswith("RS") else "EC"
    fitting = [key for key in keys if key.key_type == kind and key.alg in {None, algorithm}]
    if kid is None:
        return fitting[0] if len(fitting) == 1 else None
    return next((key for key in fitting if key.kid == kid), None)


def _is_https(url: str) -> bool:
    return urlsplit(url).scheme == "https"

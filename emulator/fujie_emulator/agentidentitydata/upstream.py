"""HTTP to the providers: bounded in time and size, no redirects, no proxy."""

import asyncio
import base64
import json
import ssl
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import httpx2

from fujie_emulator.agentidentity.oauth import OAuthServer
from fujie_emulator.agentidentitydata.errors import UpstreamError, discovery_unreachable
from fujie_emulator.agentidentitydata.wat import SERVICE

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

DEADLINE_S = 8.0  # of one exchange; the official clients wait 10 s for us
_LARGEST_ANSWER = 64 * 1024
_ASSUMED_LIFETIME_S = 3600  # of a token whose answer has no expires_in
_LONGEST_LIFETIME_S = 365 * 24 * 3600


@dataclass(frozen=True)
class TokenAnswer:
    """A token endpoint's answer, checked."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in_s: int
    scopes: tuple[str, ...]


async def request_token(
    cloud: "Cloud", provider: str, server: OAuthServer, form: dict[str, str], asked: tuple[str, ...]
) -> TokenAnswer:
    """Ask the token endpoint; raise UpstreamError. `asked` are the scopes granted when the answer names none."""
    _check_status(cloud.faults.upstream_fails(SERVICE, provider) or 200)
    headers = {"accept": "application/json", "content-type": "application/x-www-form-urlencoded"}
    if server.basic_auth and server.client_secret:
        pair = f"{quote(server.client_id, safe='')}:{quote(server.client_secret, safe='')}"
        headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    else:
        secret = {"client_secret": server.client_secret} if server.client_secret else {}
        form = form | {"client_id": server.client_id} | secret
    status, body = await _exchange("POST", server.token_url, headers, urlencode(form).encode())
    _check_status(status)
    return _token_answer(_object(body), asked)


def _check_status(status: int) -> None:
    if status != 200:
        raise UpstreamError(f"status {status}", refused=400 <= status < 500 and status not in (408, 429))


async def fetch_document(url: str) -> dict[str, Any]:
    """Return the JSON object at a metadata or key URL; raise InvalidOAuthDiscoveryURL."""
    try:
        status, body = await _exchange("GET", url, {"accept": "application/json"}, b"")
        document = _object(body)
    except UpstreamError as error:
        raise discovery_unreachable(url, str(error)) from error
    if status != 200:
        raise discovery_unreachable(url, f"status {status}")
    return document


async def discovered(server: OAuthServer) -> OAuthServer:
    """Return the server with its endpoints, fetched from its metadata when the config names only a URL."""
    if not server.discovery_url:
        return server
    metadata = await fetch_document(server.discovery_url)
    methods = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_post"]
    challenges = metadata.get("code_challenge_methods_supported")
    return replace(
        server,
        authorize_url=_endpoint(server, metadata, "authorization_endpoint", required=False),
        token_url=_endpoint(server, metadata, "token_endpoint"),
        issuer=_endpoint(server, metadata, "issuer"),
        pkce=challenges is None or "S256" in challenges,
        basic_auth="client_secret_post" not in methods,
    )


def _endpoint(server: OAuthServer, metadata: dict[str, Any], name: str, *, required: bool = True) -> str:
    value = metadata.get(name, "")
    if value == "" and not required:
        return ""
    if not isinstance(value, str) or not value.startswith(("http://", "https://")):
        raise discovery_unreachable(server.discovery_url, f"its {name} is not an http or https URL")
    return value


async def _exchange(method: str, url: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
    try:
        async with (
            asyncio.timeout(DEADLINE_S),
            _client() as http,
            http.stream(method, url, headers=headers, content=body or None) as response,
        ):
            return response.status_code, await _limited(response)
    except TimeoutError as error:
        raise UpstreamError(f"no answer within {DEADLINE_S:.0f} s") from error
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise UpstreamError(type(error).__name__) from error


def _client() -> httpx2.AsyncClient:
    return httpx2.AsyncClient(verify=_tls(), timeout=DEADLINE_S, follow_redirects=False, trust_env=False)


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


async def _limited(response: httpx2.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > _LARGEST_ANSWER:
            raise UpstreamError(f"an answer longer than {_LARGEST_ANSWER} bytes")
    return bytes(body)


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UpstreamError("an answer that is not JSON") from error
    if not isinstance(value, dict):
        raise UpstreamError("an answer that is not a JSON object")
    return value


def _token_answer(answer: dict[str, Any], asked: tuple[str, ...]) -> TokenAnswer:
    access, refresh = answer.get("access_token"), answer.get("refresh_token", "")
    kind, scope = answer.get("token_type", "Bearer"), answer.get("scope", " ".join(asked))
    if not isinstance(access, str) or not access or not isinstance(refresh, str) or not isinstance(scope, str):
        raise UpstreamError("an answer without a usable access_token")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise UpstreamError("a token that is not a bearer token")
    return TokenAnswer(access, refresh, _lifetime(answer.get("expires_in", _ASSUMED_LIFETIME_S)), tuple(scope.split()))


def _lifetime(value: Any) -> int:
    try:
        seconds = int(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise UpstreamError("an answer whose expires_in is not a number") from error
    if not 0 < seconds <= _LONGEST_LIFETIME_S:
        raise UpstreamError("an answer whose expires_in is out of range")
    return seconds
